-- Takes the lease of migration $1 if it is free: holder $2, milliseconds to live $3, pooled $4.
-- Free is what nobody holds, what has expired, and what was held by a backend that is gone. Behind
-- a pooler a missing backend says nothing. The row is locked already by the statement before.
UPDATE {schema}.leases AS l
SET token = l.token + 1,
    holder = $2,
    pid = pg_catalog.pg_backend_pid(),
    backend_start = (SELECT a.backend_start::text FROM pg_catalog.pg_stat_activity a
                     WHERE a.pid = pg_catalog.pg_backend_pid()),
    pooled = $4,
    acquired_at = pg_catalog.clock_timestamp(),
    heartbeat_at = pg_catalog.clock_timestamp(),
    expires_at = pg_catalog.clock_timestamp() + $3 * interval '1 millisecond'
WHERE l.migration_id = $1
  AND (l.holder IS NULL
       OR l.expires_at < pg_catalog.clock_timestamp()
       OR (NOT l.pooled
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a
                           WHERE a.pid = l.pid
                             AND (a.backend_start IS NULL OR a.backend_start::text = l.backend_start))))
RETURNING l.token
