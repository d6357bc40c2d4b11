-- Who the backend $1 waits for, whatever kind of lock it is.
SELECT NULL::text AS relation,
       NULL::text AS mode,
       b.pid,
       l.virtualtransaction AS virtual_transaction,
       NULL::text AS prepared,
       a.application_name AS application,
       a.usename AS "user",
       a.backend_type,
       a.backend_start::text AS backend_start,
       a.state,
       (extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::bigint AS age_ms,
       pg_catalog.left(a.query, 1000) AS query
FROM (SELECT DISTINCT pid FROM pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) AS u (pid)) b
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = b.pid
LEFT JOIN LATERAL (SELECT virtualtransaction FROM pg_catalog.pg_locks
                   WHERE pid = b.pid LIMIT 1) l ON true
ORDER BY age_ms DESC NULLS LAST, b.pid
