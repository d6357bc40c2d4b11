CREATE TABLE caches (id integer PRIMARY KEY);
CREATE TABLE entries (id integer PRIMARY KEY, cache integer REFERENCES caches);
INSERT INTO caches SELECT n FROM generate_series(1, 100) n;
INSERT INTO entries SELECT n, n FROM generate_series(1, 100) n;
