-- Who it is that `behind` names: sessions, or prepared transactions, which have no backend.
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
