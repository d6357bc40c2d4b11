DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop app') THEN
        CREATE ROLE "shop app";
    END IF;
END
$$;
CREATE TABLE users (
    id bigint PRIMARY KEY,
    name varchar(80) COLLATE "C" NOT NULL DEFAULT 'name',
    email text,
    rename text,
    CONSTRAINT name_not_blank CHECK (name <> '' AND rename IS DISTINCT FROM 'name'),
    CONSTRAINT users_name_key UNIQUE (name, email) DEFERRABLE
);
INSERT INTO users SELECT n, 'User ' || n, 'u' || n FROM generate_series(1, 2000) n;
CREATE INDEX users_name_lower ON users (lower(name), id);
CREATE INDEX "users by Name" ON users (name varchar_pattern_ops DESC NULLS LAST) INCLUDE (email, name) WITH (fillfactor = 70) WHERE name <> 'name' AND id > 10;
CREATE UNIQUE INDEX users_email ON users (email) INCLUDE (name) WHERE email IS NOT NULL;
CREATE INDEX untouched ON users (rename);
COMMENT ON COLUMN users.name IS 'it''s what we call them';
COMMENT ON INDEX users_name_lower IS 'for the search';
COMMENT ON CONSTRAINT name_not_blank ON users IS 'a name is a name';
COMMENT ON CONSTRAINT users_name_key ON users IS 'only one each';
GRANT SELECT (name), UPDATE (name) ON users TO "shop app" WITH GRANT OPTION;
GRANT SELECT (id, name) ON users TO PUBLIC;
ALTER TABLE users ALTER COLUMN name SET STATISTICS 500;
ALTER TABLE users ALTER COLUMN name SET STORAGE EXTERNAL;
ALTER TABLE users ALTER COLUMN name SET (n_distinct = -0.5);
ALTER TABLE users CLUSTER ON users_name_lower;
CREATE VIEW names AS SELECT id, name, upper(name) AS loud FROM users WHERE name <> 'name';
COMMENT ON VIEW names IS 'seen by all';
GRANT SELECT ON names TO "shop app";
CREATE VIEW loud_names WITH (security_barrier = true) AS SELECT loud, n.name FROM names n JOIN users u USING (id) WHERE u.name IS NOT NULL;
CREATE VIEW ids AS SELECT id FROM users;
