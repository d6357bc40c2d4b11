-- What stands under the name $1, and whether it is an index of the table $2.
SELECT c.relkind = 'i' AS is_index,
       coalesce(i.indrelid = pg_catalog.to_regclass($2), false) AS of_table,
       coalesce(i.indisvalid AND i.indisready AND i.indislive, false) AS valid,
       EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
               WHERE p.index_relid = c.oid) AS being_built
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE c.oid = pg_catalog.to_regclass($1)
