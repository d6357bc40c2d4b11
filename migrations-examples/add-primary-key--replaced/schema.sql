CREATE TABLE accounts (id integer, mail text NOT NULL, note text, CONSTRAINT accounts_pkey PRIMARY KEY (id));
INSERT INTO accounts SELECT n, 'a' || n || '@example.org', NULL FROM generate_series(1, 2000) n;
CREATE TABLE logs (at timestamptz NOT NULL, line text NOT NULL, PRIMARY KEY (at, line));
INSERT INTO logs SELECT '2026-01-01'::timestamptz + n * interval '1 s', 'line ' || n FROM generate_series(1, 2000) n;
