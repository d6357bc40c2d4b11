CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    email text NOT NULL DEFAULT 'none',
    age integer DEFAULT 7
);
INSERT INTO users SELECT n, 'user ' || n, 'u' || n, n % 90 FROM generate_series(1, 1000) n;
