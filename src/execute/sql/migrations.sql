-- Every migration of the journal in few words.
SELECT m.id, m.name, m.checksum, m.state, m.out_of_order, m.started_at, m.finished_at,
       m.queued_behind,
       (SELECT pg_catalog.count(*) FROM {schema}.steps s
        WHERE s.migration_id = m.id AND s.state = 'done') AS steps_done,
       (SELECT pg_catalog.count(*) FROM {schema}.steps s
        WHERE s.migration_id = m.id) AS steps_total,
       (SELECT coalesce(pg_catalog.sum(b.rows_done), 0) FROM {schema}.backfills b
        WHERE b.migration_id = m.id)::bigint AS rows_done,
       (SELECT coalesce(pg_catalog.sum(b.rows_total), 0) FROM {schema}.backfills b
        WHERE b.migration_id = m.id)::bigint AS rows_total,
       (SELECT pg_catalog.to_jsonb(l) FROM {schema}.leases l
        WHERE l.migration_id = m.id AND l.holder IS NOT NULL) AS lease
FROM {schema}.migrations m
ORDER BY m.started_at, m.id
