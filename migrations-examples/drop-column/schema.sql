CREATE TABLE teams (id integer PRIMARY KEY);
INSERT INTO teams SELECT generate_series(0, 9);
CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    legacy_code text NOT NULL,
    "Team" integer REFERENCES teams,
    counter bigserial,
    flags integer NOT NULL DEFAULT 0 CHECK (flags >= 0),
    CONSTRAINT code_and_team UNIQUE (legacy_code, "Team")
);
CREATE INDEX users_code ON users (lower(legacy_code)) WHERE flags > 0;
COMMENT ON COLUMN users.legacy_code IS 'from the old system';
CREATE VIEW names AS SELECT id, name FROM users;
INSERT INTO users (id, name, legacy_code, "Team")
SELECT n, 'user ' || n, 'code ' || n, n % 10 FROM generate_series(1, 1000) n;
