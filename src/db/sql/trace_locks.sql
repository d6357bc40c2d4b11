-- What a backend holds or waits for. Strings and numbers of advisory locks are not told apart.
SELECT l.locktype AS type, l.relation::int8 AS relation, l.classid::int8 AS class, l.objid::int8 AS object,
       l.mode, l.granted
  FROM pg_catalog.pg_locks l
 WHERE l.pid = $1
   AND (l.database IS NULL OR l.database = 0
        OR l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
