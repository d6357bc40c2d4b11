-- Everything about the migration $1, as one JSON object.
SELECT (pg_catalog.to_jsonb(m) || pg_catalog.jsonb_build_object(
    'steps', coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s) ORDER BY s.ordinal)
                       FROM {schema}.steps s WHERE s.migration_id = m.id), '[]'),
    'backfills', coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(b) ORDER BY b.step_id, b.relation)
                           FROM {schema}.backfills b WHERE b.migration_id = m.id), '[]'),
    'boundaries', coalesce((SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(p) ORDER BY p.id)
                            FROM {schema}.boundaries p WHERE p.migration_id = m.id), '[]'),
    'lease', (SELECT pg_catalog.to_jsonb(l) FROM {schema}.leases l
              WHERE l.migration_id = m.id AND l.holder IS NOT NULL)))::text
FROM {schema}.migrations m
WHERE m.id = $1
