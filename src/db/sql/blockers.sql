-- Who holds a lock that stands in the way of the wanted modes: $1 is a JSON list of
-- {relation, modes}, where modes are the held modes that conflict; $2 the pids to leave out.
SELECT wanted.relation,
       l.mode,
       l.pid,
       l.virtualtransaction AS virtual_transaction,
       p.gid AS prepared,
       a.application_name AS application,
       coalesce(p.owner, a.usename) AS "user",
       a.backend_type,
       a.backend_start::text AS backend_start,
       a.state,
       (extract(epoch FROM pg_catalog.clock_timestamp() - coalesce(p.prepared, a.xact_start)) * 1000)::bigint
           AS age_ms,
       pg_catalog.left(a.query, 1000) AS query
FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS wanted (relation text, modes jsonb)
JOIN pg_catalog.pg_locks l ON l.relation = pg_catalog.to_regclass(wanted.relation)
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
LEFT JOIN pg_catalog.pg_prepared_xacts p
       ON l.pid IS NULL AND EXISTS (
              SELECT FROM pg_catalog.pg_locks x
              WHERE x.locktype = 'transactionid' AND x.pid IS NULL
                AND x.virtualtransaction = l.virtualtransaction
                AND x.transactionid = p.transaction)
WHERE l.locktype = 'relation'
  AND l.granted
  AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND pg_catalog.jsonb_exists(wanted.modes, l.mode)
  AND (l.pid IS NULL OR l.pid <> ALL ($2::int[]))
ORDER BY age_ms DESC NULLS LAST, l.pid
