-- Every constraint of every table but NOT NULL, which is a property of its column.
SELECT k.conrelid::bigint AS relid,
       k.conname AS name,
       k.contype::text AS kind,
       pg_get_constraintdef(k.oid) AS definition,
       k.convalidated AS validated,
       k.condeferrable AS deferrable,
       k.condeferred AS deferred,
       k.connoinherit AS no_inherit,
       d.description AS comment,
       ARRAY(SELECT a.attname FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, at)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum AND a.attnum > 0
              ORDER BY u.at) AS columns,
       CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END AS expression,
       CASE WHEN k.contype IN ('p', 'u', 'x') THEN i.relname END AS index,
       fn.nspname AS references_schema,
       f.relname AS references_table,
       CASE WHEN k.contype = 'f' THEN
           ARRAY(SELECT a.attname FROM unnest(k.confkey) WITH ORDINALITY AS u(attnum, at)
                   JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum
                  ORDER BY u.at)
       ELSE '{}'::name[] END AS referenced_columns
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pg_class i ON i.oid = k.conindid
  LEFT JOIN pg_class f ON f.oid = k.confrelid AND k.contype = 'f'
  LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
  LEFT JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid AND d.objsubid = 0
 WHERE c.relkind IN ('r', 'p', 'f', 'm')
   AND c.relpersistence <> 't'
   AND k.contype <> 'n'
   -- A foreign key to a partitioned table has one more entry per partition, on the same table.
   AND NOT (k.contype = 'f' AND k.conparentid <> 0
            AND EXISTS (SELECT FROM pg_constraint up WHERE up.oid = k.conparentid AND up.conrelid = k.conrelid))
   AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', pg_catalog.current_setting('zdm.journal_schema'))
 ORDER BY k.conrelid, k.conname
