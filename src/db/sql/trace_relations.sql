-- Every relation of users, with the file that holds it.
SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
       COALESCE(i.indisprimary, false) AS is_primary, c.relispartition AS is_partition,
       COALESCE(pg_catalog.pg_relation_filenode(c.oid), 0)::int8 AS file,
       COALESCE(NULLIF(c.reltoastrelid, 0), 0)::int8 AS toast,
       GREATEST(c.reltuples, 0)::int8 AS row_count
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
 WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'zdm_scratch')
   AND c.relkind <> 'c'
