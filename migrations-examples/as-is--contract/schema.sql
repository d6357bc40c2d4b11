DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop app') THEN
        CREATE ROLE "shop app";
    END IF;
END
$$;
CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    age integer,
    CONSTRAINT age_sane CHECK (age < 200),
    CONSTRAINT users_name UNIQUE (name),
    CONSTRAINT old_name CHECK (id > 0)
);
INSERT INTO users SELECT n, 'user ' || n, n % 90 FROM generate_series(1, 1000) n;
CREATE TABLE visits (id integer PRIMARY KEY, user_id bigint REFERENCES users);
INSERT INTO visits SELECT n, n FROM generate_series(1, 100) n;
CREATE VIEW adults AS SELECT id FROM users WHERE age >= 18;
GRANT SELECT, INSERT ON users TO "shop app";
