-- Every index. What a newer server alone has is read through the row as JSON.
SELECT i.indrelid::bigint AS relid,
       c.relname AS name,
       pg_get_indexdef(i.indexrelid) AS definition,
       am.amname AS method,
       ARRAY(SELECT a.attname FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, at)
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND a.attnum <> 0
              WHERE u.at <= i.indnkeyatts ORDER BY u.at) AS key_columns,
       ARRAY(SELECT CASE WHEN u.attnum = 0 THEN pg_get_indexdef(i.indexrelid, u.at::int, false) END
               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, at)
              WHERE u.at <= i.indnkeyatts ORDER BY u.at) AS key_expressions,
       -- The vectors begin at 0.
       ARRAY(SELECT am.amname = 'btree' AND a.attnum IS NOT NULL
                AND (i.indoption[u.at::int - 1] <> 0 OR NOT o.opcdefault OR i.indcollation[u.at::int - 1] <> a.attcollation)
               FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, at)
               LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum AND a.attnum <> 0
               LEFT JOIN pg_opclass o ON o.oid = i.indclass[u.at::int - 1]
              WHERE u.at <= i.indnkeyatts ORDER BY u.at) AS key_own_order,
       ARRAY(SELECT a.attname FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS u(attnum, at)
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.attnum
              WHERE u.at > i.indnkeyatts ORDER BY u.at) AS include,
       pg_get_expr(i.indpred, i.indrelid) AS predicate,
       ARRAY(SELECT a.attname FROM pg_attribute a
              WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND NOT a.attisdropped
                AND EXISTS (SELECT FROM regexp_matches(concat(i.indexprs::text, i.indpred::text), ':varattno (\d+)', 'g') AS r(m)
                             WHERE r.m[1]::int IN (0, a.attnum))
              ORDER BY a.attnum) AS expression_columns,
       i.indisunique AS "unique",
       COALESCE((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_not_distinct,
       i.indisvalid AS valid,
       k.conname AS "constraint",
       i.indisclustered AS clustered,
       i.indisreplident AS replica_identity,
       d.description AS comment,
       pn.nspname AS parent_schema,
       p.relname AS parent_name
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_am am ON am.oid = c.relam
  JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
  LEFT JOIN pg_inherits h ON h.inhrelid = i.indexrelid
  LEFT JOIN pg_class p ON p.oid = h.inhparent
  LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
  LEFT JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = i.indexrelid AND d.objsubid = 0
 WHERE t.relkind IN ('r', 'p', 'f', 'm')
   AND t.relpersistence <> 't'
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY i.indrelid, c.relname
