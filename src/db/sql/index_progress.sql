-- How far CREATE INDEX, as run by the backend $1, has come.
SELECT phase,
       CASE WHEN lockers_total > 0 AND phase LIKE 'waiting%' THEN lockers_done
            WHEN tuples_total > 0 THEN tuples_done ELSE blocks_done END AS done,
       CASE WHEN lockers_total > 0 AND phase LIKE 'waiting%' THEN lockers_total
            WHEN tuples_total > 0 THEN tuples_total ELSE blocks_total END AS total
FROM pg_catalog.pg_stat_progress_create_index
WHERE pid = $1
