-- Which of the tables $1 (a JSON list of names) are published, and whether an UPDATE of them can
-- be: with a replica identity that is an index, everything, or the primary key.
SELECT w.name AS table,
       pg_catalog.string_agg(DISTINCT p.pubname::text, ', ') AS publications,
       pg_catalog.bool_or(p.pubupdate) AS updates,
       pg_catalog.bool_and(c.relreplident = 'f'
           OR c.relreplident = 'i'
           OR c.relreplident = 'd' AND EXISTS (
               SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)) AS identity
FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS w (name)
JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.name)
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_publication_tables t ON t.schemaname = n.nspname AND t.tablename = c.relname
JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname
GROUP BY w.name
ORDER BY w.name
