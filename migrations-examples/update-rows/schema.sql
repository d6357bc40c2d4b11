CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    status text,
    n integer NOT NULL DEFAULT 0
);
INSERT INTO users SELECT g, 'User' || g || '@Example.org', CASE g % 3 WHEN 0 THEN 'u2f' WHEN 1 THEN 'totp' END, g
FROM generate_series(1, 12000) g;
ANALYZE users;
