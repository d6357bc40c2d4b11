-- Who holds ACCESS EXCLUSIVE on a relation of users, or waits for it, and before whom that one waits:
-- behind either, every look at the relation waits. Temporary relations are nobody else's.
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
SELECT w.relation,
       w.mode,
       w.pid,
       w.virtualtransaction AS virtual_transaction,
       p.gid AS prepared,
       a.application_name AS application,
       coalesce(p.owner, a.usename) AS "user",
       a.backend_type,
       a.backend_start::text AS backend_start,
       a.state,
       (extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(p.prepared, a.xact_start)) * 1000)::bigint
           AS age_ms,
       pg_catalog.left(a.query, 1000) AS query
FROM behind w
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid
LEFT JOIN pg_catalog.pg_prepared_xacts p
       ON w.pid IS NULL AND EXISTS (
              SELECT FROM pg_catalog.pg_locks x
              WHERE x.locktype = 'transactionid' AND x.pid IS NULL
                AND x.virtualtransaction = w.virtualtransaction
                AND x.transactionid = p.transaction)
ORDER BY age_ms DESC NULLS LAST, w.pid
