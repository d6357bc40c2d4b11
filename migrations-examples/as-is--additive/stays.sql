ALTER TYPE mood ADD VALUE 'so so' BEFORE 'happy';
COMMENT ON COLUMN users.name IS 'what they are called';
GRANT SELECT ON users TO "shop app";
ALTER TABLE users ALTER COLUMN name SET STATISTICS 200;
ALTER TABLE users SET (fillfactor = 90);
