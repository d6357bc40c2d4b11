-- Who waits behind the backend $1, and for how long already.
SELECT w.pid,
       a.application_name AS application,
       a.usename AS "user",
       pg_catalog.left(a.query, 1000) AS query,
       coalesce((extract(epoch FROM pg_catalog.clock_timestamp() - w.waitstart) * 1000)::bigint, 0)
           AS waited_ms
FROM (SELECT pid, pg_catalog.min(waitstart) AS waitstart
      FROM pg_catalog.pg_locks WHERE NOT granted GROUP BY pid) w
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = w.pid
WHERE $1 = ANY (pg_catalog.pg_blocking_pids(w.pid))
ORDER BY waited_ms DESC, w.pid
