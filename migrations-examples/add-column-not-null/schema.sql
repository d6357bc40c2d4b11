CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    email text
);
INSERT INTO users SELECT n, 'user ' || n, CASE WHEN n % 3 > 0 THEN 'u' || n END FROM generate_series(1, 1000) n;
