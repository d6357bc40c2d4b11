-- Cancels ($4 true: ends) the client session $1, if it is still the one that was seen: same start,
-- same transaction. Never a replication, autovacuum or other worker.
SELECT CASE WHEN $4 THEN pg_catalog.pg_terminate_backend(a.pid)
            ELSE pg_catalog.pg_cancel_backend(a.pid) END
FROM pg_catalog.pg_stat_activity a
WHERE a.pid = $1
  AND a.backend_start::text = $2
  AND a.backend_type = 'client backend'
  AND EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.virtualtransaction = $3)
