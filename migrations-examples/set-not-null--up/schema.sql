CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text,
    name text NOT NULL
);
INSERT INTO users
SELECT md5(n::text)::uuid, CASE WHEN n % 3 > 0 THEN 'u' || n END, 'User ' || n
FROM generate_series(1, 2000) n;
