-- How far the backfill of relation $3 in step $2 of migration $1 is; $13 is the token.
INSERT INTO {schema}.backfills AS b
    (migration_id, step_id, relation, filenode, end_block, block, window_pages, passes, pass,
     rows_done, rows_total, last_xid, done, key_done, key_end)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, coalesce($12, pg_catalog.pg_current_xact_id()::text), $14, $15, $16
WHERE {schema}.fence($1, $13)
ON CONFLICT (migration_id, step_id, relation) DO UPDATE
SET filenode = excluded.filenode, end_block = excluded.end_block, block = excluded.block,
    window_pages = excluded.window_pages, passes = excluded.passes, pass = excluded.pass,
    rows_done = excluded.rows_done, rows_total = excluded.rows_total,
    last_xid = excluded.last_xid, done = excluded.done,
    key_done = excluded.key_done, key_end = excluded.key_end,
    changed_at = pg_catalog.clock_timestamp()
