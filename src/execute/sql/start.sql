-- Takes a migration up: id $1, name $2, checksum $3, text $4, plan $5, out of order $6, token $7.
-- One that was rolled back is taken up anew.
WITH fenced AS MATERIALIZED (
    SELECT {schema}.fence($1, $7) AS ours
), taken AS (
    INSERT INTO {schema}.migrations AS m (id, name, checksum, source, state, plan, out_of_order)
    SELECT $1, $2, $3, $4, 'expanding', $5::jsonb, $6 FROM fenced WHERE ours
    ON CONFLICT (id) DO UPDATE
    SET name = excluded.name, checksum = excluded.checksum, source = excluded.source,
        state = excluded.state, plan = excluded.plan, out_of_order = excluded.out_of_order,
        started_at = pg_catalog.clock_timestamp(), changed_at = pg_catalog.clock_timestamp(),
        finished_at = NULL, queued_behind = NULL, queued_why = NULL
    WHERE m.state IN ('pending', 'queued', 'rolled_back')
    RETURNING id
)
INSERT INTO {schema}.steps (migration_id, step_id, ordinal, phase, kind)
SELECT taken.id, s.step ->> 'id', s.ordinal, p.phase ->> 'phase', s.step ->> 'kind'
FROM taken,
     pg_catalog.jsonb_array_elements($5::jsonb -> 'phases') WITH ORDINALITY AS p (phase, number),
     LATERAL (SELECT step, pg_catalog.row_number() OVER (ORDER BY n) + 1000 * p.number AS ordinal
              FROM pg_catalog.jsonb_array_elements(p.phase -> 'steps') WITH ORDINALITY AS e (step, n)) AS s
