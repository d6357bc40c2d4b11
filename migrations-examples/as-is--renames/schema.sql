CREATE TYPE mood AS ENUM ('sad', 'fine');
CREATE TABLE users (id integer PRIMARY KEY, feels mood);
INSERT INTO users SELECT n, 'sad' FROM generate_series(1, 100) n;
CREATE VIEW sad_ones AS SELECT id FROM users WHERE feels = 'sad';
CREATE SEQUENCE numbers;
CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 2 * n';
