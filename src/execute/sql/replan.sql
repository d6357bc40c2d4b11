-- The steps of migration $1 after it was planned anew as $2; those of the list $3 are pending again,
-- and those of $4, which are new, done.
INSERT INTO {schema}.steps AS s (migration_id, step_id, ordinal, phase, kind, state)
SELECT $1, e.step ->> 'id', e.ordinal, p.phase ->> 'phase', e.step ->> 'kind',
       CASE WHEN $4::jsonb ? (e.step ->> 'id') THEN 'done' ELSE 'pending' END
FROM pg_catalog.jsonb_array_elements($2::jsonb -> 'phases') WITH ORDINALITY AS p (phase, number),
     LATERAL (SELECT step, pg_catalog.row_number() OVER (ORDER BY n) + 1000 * p.number AS ordinal
              FROM pg_catalog.jsonb_array_elements(p.phase -> 'steps') WITH ORDINALITY AS e (step, n)) AS e
ON CONFLICT (migration_id, step_id) DO UPDATE
SET ordinal = excluded.ordinal, phase = excluded.phase, kind = excluded.kind,
    state = CASE WHEN $3::jsonb ? s.step_id THEN 'pending' ELSE s.state END
