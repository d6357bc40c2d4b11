ALTER TABLE settings
    ALTER COLUMN enabled DROP DEFAULT,
    ALTER COLUMN enabled TYPE boolean USING enabled = 'yes',
    ALTER COLUMN enabled SET DEFAULT false,
    ALTER COLUMN size TYPE integer USING nullif(size, '')::integer * CASE WHEN unit = 'k' THEN 1024 ELSE 1 END;
ALTER TABLE settings ALTER COLUMN seen TYPE timestamptz USING to_timestamp(seen);
