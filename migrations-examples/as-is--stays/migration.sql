ALTER TYPE mood ADD VALUE 'so so' BEFORE 'happy';
CREATE TYPE colour AS ENUM ('red', 'green');
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT upper($1) || '!' $$;
CREATE VIEW loud AS SELECT id, shout(name) AS name FROM users;
CREATE SEQUENCE tickets START 100;
COMMENT ON COLUMN users.name IS 'what they are called';
GRANT SELECT ON users TO "shop app";
ALTER TABLE users ALTER COLUMN name SET STATISTICS 200;
ALTER TABLE users SET (fillfactor = 90);
