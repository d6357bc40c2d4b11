CREATE TABLE builds (id integer PRIMARY KEY, status text NOT NULL, scheduled boolean, note varchar(20));
INSERT INTO builds
SELECT n, (ARRAY['started', 'aborted', 'succeeded'])[n % 3 + 1], n % 2 = 0, 'note ' || n FROM generate_series(1, 2000) n;
