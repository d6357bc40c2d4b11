CREATE TABLE users (id bigint NOT NULL, region text, name text NOT NULL, email text, nick text) PARTITION BY LIST (region);
CREATE TABLE users_north PARTITION OF users FOR VALUES IN ('n');
CREATE TABLE users_south PARTITION OF users FOR VALUES IN ('s') PARTITION BY RANGE (id);
CREATE TABLE users_south_1 PARTITION OF users_south FOR VALUES FROM (0) TO (1000);
CREATE TABLE users_south_2 PARTITION OF users_south FOR VALUES FROM (1000) TO (MAXVALUE);
CREATE TABLE users_rest PARTITION OF users DEFAULT;
INSERT INTO users
SELECT n, CASE n % 3 WHEN 0 THEN 'n' WHEN 1 THEN 's' END, 'user ' || n, CASE WHEN n % 4 > 0 THEN 'u' || n END, CASE WHEN n % 5 > 0 THEN 'v' || n END
FROM generate_series(1, 2000) n;
