CREATE TABLE plans (id integer PRIMARY KEY, title text NOT NULL);
INSERT INTO plans SELECT n, 'plan ' || n FROM generate_series(0, 9) n;
CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    CONSTRAINT users_plan_id_check CHECK (id > 0)
);
INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 1000) n;
