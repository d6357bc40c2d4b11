-- The columns of views and materialized views, in order.
SELECT c.oid::bigint AS relid,
       a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS ty,
       pg_get_expr(d.adbin, d.adrelid) AS default,
       a.attacl::text[] AS acl,
       col_description(c.oid, a.attnum) AS comment
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
 WHERE c.relkind IN ('v', 'm')
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY c.oid, a.attnum
