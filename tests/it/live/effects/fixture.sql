-- Tables with enough rows that a sequential scan is told from a look at a page.
CREATE TYPE en AS ENUM ('x');
CREATE SCHEMA s;
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE p (id int PRIMARY KEY, x int);
INSERT INTO p SELECT g, g FROM generate_series(1, 3000) g;
CREATE TABLE t (
    id int PRIMARY KEY, a int, b text, c char(5), v varchar(10), ref int, nn int NOT NULL,
    n numeric(10,2), ts timestamp, tz timestamptz, tm time, iv interval, cid cidr, vb varbit(10),
    j json, i2 smallint, e en
);
INSERT INTO t SELECT g, g, 'b', 'c', 'v', g, g, 1, '2024-01-01', '2024-01-01', '10:00', '1 day',
    '10.0.0.0/8', B'101', '{}', 1, 'x' FROM generate_series(1, 3000) g;
CREATE TABLE r (id int PRIMARY KEY, t int REFERENCES p);
CREATE TABLE pt (id int, k int NOT NULL, v varchar(10)) PARTITION BY RANGE (id);
CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10000);
INSERT INTO pt SELECT g, g, 'v' FROM generate_series(1, 3000) g;
CREATE TABLE base (a int, b text);
CREATE TABLE ch (c int) INHERITS (base);
INSERT INTO base SELECT g, 'b' FROM generate_series(1, 3000) g;
INSERT INTO ch SELECT g, 'b' FROM generate_series(1, 3000) g;
CREATE SEQUENCE sq;
ALTER TABLE r DROP CONSTRAINT r_t_fkey;
INSERT INTO r SELECT g, g FROM generate_series(1, 3000) g;
ANALYZE p, t, r, pt, base, ch;
