-- A sign of life for the lease of migration $1 with token $2: milliseconds to live $3.
-- $4 is the backend that the connection was opened to: another one means a pooler.
UPDATE {schema}.leases
SET heartbeat_at = pg_catalog.clock_timestamp(),
    expires_at = pg_catalog.clock_timestamp() + $3 * interval '1 millisecond',
    pid = pg_catalog.pg_backend_pid(),
    backend_start = (SELECT a.backend_start::text FROM pg_catalog.pg_stat_activity a
                     WHERE a.pid = pg_catalog.pg_backend_pid()),
    pooled = pooled OR pg_catalog.pg_backend_pid() <> $4
WHERE migration_id = $1 AND token = $2 AND holder IS NOT NULL
