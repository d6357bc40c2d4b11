-- What keeps dead row versions of this database alive, oldest first, as 64-bit transaction ids.
-- A 32-bit id is the one nearest to the next id to be given out. $1 are the pids to leave out.
-- VACUUM does not hold back the horizon, so its workers are not listed.
WITH now AS (
    SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text::bigint AS next
), holders AS (
    SELECT 'backend' AS kind, a.pid, coalesce(a.application_name, '') AS name,
           pg_catalog.unnest(ARRAY[a.backend_xmin, a.backend_xid]) AS xid,
           a.state, a.query,
           (extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start) * 1000)::bigint AS age_ms
    FROM pg_catalog.pg_stat_activity a
    WHERE a.datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
      AND a.pid <> ALL ($1::int[])
    UNION ALL
    SELECT 'prepared', NULL, p.gid, p.transaction, NULL, NULL,
           (extract(epoch FROM pg_catalog.clock_timestamp() - p.prepared) * 1000)::bigint
    FROM pg_catalog.pg_prepared_xacts p
    WHERE p.database = pg_catalog.current_database()
    UNION ALL
    SELECT 'slot', s.active_pid, s.slot_name::text, s.xmin, NULL, NULL, NULL
    FROM pg_catalog.pg_replication_slots s
    UNION ALL
    SELECT 'standby', r.pid, coalesce(r.application_name, ''), r.backend_xmin, r.state, NULL, NULL
    FROM pg_catalog.pg_stat_replication r
), full_ids AS (
    SELECT h.*, mod(mod(now.next - h.xid::text::bigint, 4294967296) + 4294967296, 4294967296) AS back, now.next
    FROM holders h CROSS JOIN now
    WHERE h.xid IS NOT NULL
)
SELECT kind, pid, name, state, age_ms, pg_catalog.left(query, 1000) AS query,
       pg_catalog.min(next - CASE WHEN back >= 2147483648 THEN back - 4294967296 ELSE back END) AS xid
FROM full_ids
GROUP BY kind, pid, name, state, age_ms, query
ORDER BY xid, kind, pid
