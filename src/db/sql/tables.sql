-- Every relation of its own columns: tables, partitioned tables, foreign tables, materialized views.
SELECT c.oid::bigint AS relid,
       n.nspname AS schema,
       c.relname AS name,
       c.relkind::text AS kind,
       c.relpersistence = 'p' AS permanent,
       pg_get_userbyid(c.relowner) AS owner,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
       ARRAY(SELECT a.attname
               FROM pg_attribute a
              WHERE a.attrelid = c.oid
                AND (a.attnum = ANY (p.partattrs::int2[])
                     OR a.attnum IN (SELECT r.m[1]::int FROM regexp_matches(p.partexprs::text, ':varattno (\d+)', 'g') AS r(m)))
                AND a.attnum > 0
              ORDER BY a.attnum) AS partition_columns,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS partition_bound,
       c.relrowsecurity AS row_security,
       c.relforcerowsecurity AS force_row_security,
       c.relreplident::text AS replica_identity,
       c.relacl::text[] AS acl,
       d.description AS comment,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint
            ELSE pg_stat_get_live_tuples(c.oid) END AS rows,
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_relation_size(c.oid) END AS bytes,
       CASE WHEN c.relkind = 'm' THEN pg_get_viewdef(c.oid) END AS query,
       ARRAY(SELECT r.rulename FROM pg_rewrite r
              WHERE r.ev_class = c.oid AND r.rulename <> '_RETURN' ORDER BY r.rulename) AS rules
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
  LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid AND d.objsubid = 0
 WHERE c.relkind IN ('r', 'p', 'f', 'm')
   AND c.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY n.nspname, c.relname
