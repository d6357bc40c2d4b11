-- Behind which migration one is queued, and why, in words.
ALTER TABLE {schema}.migrations
    ADD COLUMN queued_behind text,
    ADD COLUMN queued_why text;
