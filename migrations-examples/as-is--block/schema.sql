CREATE TABLE settings (name text PRIMARY KEY, value text NOT NULL);
INSERT INTO settings SELECT 'setting ' || n, ' value ' || n FROM generate_series(1, 300) n;
CREATE TABLE tags (id integer PRIMARY KEY, label text);
INSERT INTO tags SELECT n, 'Label ' || n FROM generate_series(1, 50) n;
