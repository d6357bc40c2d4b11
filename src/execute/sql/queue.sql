-- Queues a migration that waits for another before anything of it has run: id $1, name $2,
-- checksum $3, text $4, the other $5, why $6, token $7.
INSERT INTO {schema}.migrations AS m
    (id, name, checksum, source, state, queued_behind, queued_why)
SELECT $1, $2, $3, $4, 'queued', $5, $6 WHERE {schema}.fence($1, $7)
ON CONFLICT (id) DO UPDATE
SET name = excluded.name, checksum = excluded.checksum, source = excluded.source,
    state = excluded.state, plan = NULL, changed_at = pg_catalog.clock_timestamp(),
    finished_at = NULL, queued_behind = excluded.queued_behind, queued_why = excluded.queued_why
WHERE m.state IN ('pending', 'queued', 'rolled_back')
   -- Taken up a moment ago, and let go again before anything of it ran.
   OR m.state = 'expanding' AND NOT EXISTS (
       SELECT FROM {schema}.steps s WHERE s.migration_id = m.id AND s.state <> 'pending')
