CREATE TABLE users (id integer PRIMARY KEY, name text, changed integer);
INSERT INTO users SELECT n, 'user ' || n, 0 FROM generate_series(1, 100) n;
CREATE VIEW names AS SELECT name FROM users WHERE id > 10;
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.changed := 1; RETURN NEW; END';
