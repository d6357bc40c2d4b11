-- INVALID indexes of the table $2 in its schema that bear one of the names in the JSON list $1, and
-- whether a REINDEX of the table still runs.
SELECT n.nspname AS schema,
       c.relname AS name,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
               WHERE p.relid = i.indrelid AND p.command = 'REINDEX CONCURRENTLY') AS running
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = pg_catalog.to_regclass($2)
  AND NOT i.indisvalid
  AND c.relname IN (SELECT pg_catalog.json_array_elements_text($1))
ORDER BY c.relname
