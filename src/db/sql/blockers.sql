-- Who holds a lock that stands in the way of the wanted modes: $1 is a JSON list of
-- {relation, modes}, where modes are the held modes that conflict; $2 the pids to leave out.
-- Followed by who.sql.
WITH behind AS (
    SELECT wanted.relation, l.mode, l.pid, l.virtualtransaction
    FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS wanted (relation text, modes jsonb)
    JOIN pg_catalog.pg_locks l ON l.relation = pg_catalog.to_regclass(wanted.relation)
    WHERE l.locktype = 'relation'
      AND l.granted
      AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
      AND pg_catalog.jsonb_exists(wanted.modes, l.mode)
      AND (l.pid IS NULL OR l.pid <> ALL ($2::int[]))
)
