-- Who holds ACCESS EXCLUSIVE on a relation of users, or waits for it, and before whom that one waits:
-- behind either, every look at the relation waits. Temporary relations are nobody else's.
-- Followed by who.sql.
WITH exclusive AS (
    SELECT l.pid, l.virtualtransaction, l.granted, c.oid::pg_catalog.regclass::text AS relation
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_class c ON c.oid = l.relation
    WHERE l.locktype = 'relation'
      AND l.mode = 'AccessExclusiveLock'
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND c.relkind IN ('r', 'p', 'f', 'm', 'v')
      AND c.relpersistence <> 't'
      AND c.relnamespace <> 'pg_toast'::pg_catalog.regnamespace
      AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
), behind AS (
    SELECT e.pid, e.virtualtransaction, e.relation, 'AccessExclusiveLock' AS mode
    FROM exclusive e WHERE e.granted
    UNION
    SELECT b.pid, v.virtualtransaction, e.relation, NULL
    FROM exclusive e
    CROSS JOIN LATERAL pg_catalog.unnest(pg_catalog.pg_blocking_pids(e.pid)) AS b (pid)
    LEFT JOIN LATERAL (SELECT x.virtualtransaction FROM pg_catalog.pg_locks x
                       WHERE x.pid = b.pid LIMIT 1) v ON true
    WHERE NOT e.granted
)
