-- How far a statement is that is carried out by ranges of a key: everything up to "key_done", and
-- in the end up to "key_end", both as text.
ALTER TABLE {schema}.backfills
    ADD COLUMN key_done text,
    ADD COLUMN key_end text;
