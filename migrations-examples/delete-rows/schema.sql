CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text NOT NULL,
    status text,
    n integer NOT NULL DEFAULT 0
);
INSERT INTO users SELECT g, 'User' || g || '@Example.org', CASE g % 3 WHEN 0 THEN 'u2f' WHEN 1 THEN 'totp' END, g
FROM generate_series(1, 12000) g;
ANALYZE users;
CREATE TABLE visits (id bigint PRIMARY KEY, user_id bigint, seen date NOT NULL);
INSERT INTO visits SELECT g, CASE WHEN g % 4 > 0 THEN g ELSE -g END, DATE '2020-01-01' + g % 100
FROM generate_series(1, 12000) g;
ANALYZE visits;
