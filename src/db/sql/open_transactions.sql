-- Every open transaction of this database, visible to any role: each holds its own virtual
-- transaction id. $1 are the pids to leave out.
SELECT l.virtualtransaction AS virtual_transaction,
       l.pid,
       a.application_name AS application,
       a.usename AS "user"
FROM pg_catalog.pg_locks l
JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'virtualxid'
  AND l.granted
  AND a.datid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
  AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
  AND l.pid <> pg_catalog.pg_backend_pid()
  AND l.pid <> ALL ($1::int[])
UNION ALL
SELECT '-1/' || p.transaction::text, NULL, p.gid, p.owner
FROM pg_catalog.pg_prepared_xacts p
WHERE p.database = pg_catalog.current_database()
