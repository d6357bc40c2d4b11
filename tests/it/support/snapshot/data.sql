-- For each table that holds rows itself, the query that counts and hashes them. A row is hashed as
-- the text of a record of its columns by name; the sum does not depend on the order of the rows,
-- and unlike an exclusive or it tells one row from three equal ones.
SELECT format('%I.%I', n.nspname, c.relname),
    format('SELECT count(*) || '' rows, hash '' || coalesce(sum((''x'' || left(h, 15))::bit(60)::bigint::numeric), 0)
            FROM (SELECT md5(ROW(%s)::text) AS h FROM ONLY %I.%I) hashed',
        (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attname)
         FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
        n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'zdm' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND c.relkind IN ('r', 'm') AND c.relispopulated
