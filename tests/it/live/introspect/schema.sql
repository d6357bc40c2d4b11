CREATE SCHEMA app;
CREATE SCHEMA other;
CREATE SCHEMA "A schema";
CREATE SCHEMA zdm;
CREATE TABLE zdm.journal (id int);
CREATE TYPE app.mood AS ENUM ('sad', 'ok', 'it''s');
CREATE TYPE app.pair AS (x int, y int);
CREATE DOMAIN public.short AS varchar(20) NOT NULL CHECK (length(VALUE) > 1);
CREATE DOMAIN public.positive AS int CHECK (VALUE > 0);
CREATE DOMAIN public.more_positive AS public.positive;
CREATE FUNCTION app.f(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT $1';
CREATE FUNCTION app.f(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE "A schema"."Parent ""t""" (a int, b int, PRIMARY KEY (b, a));
CREATE TABLE other.t (id int);
CREATE TABLE app.account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email varchar(120) COLLATE "C" NOT NULL,
    age int CHECK (age > 0),
    mood app.mood DEFAULT 'ok',
    doubled int GENERATED ALWAYS AS (age * 2) STORED,
    raw bytea,
    name public.short,
    posted timestamptz DEFAULT now() + interval '1 day 2 hours',
    amount public.more_positive,
    "raw id" int
);
INSERT INTO app.account (email, age, name) VALUES ('a', 1, 'aa'), ('b', 2, 'bb'), ('c', 3, 'cc');
ANALYZE app.account;
ALTER TABLE app.account ADD CONSTRAINT "to other" FOREIGN KEY ("raw id", age)
    REFERENCES "A schema"."Parent ""t""" (b, a) DEFERRABLE INITIALLY DEFERRED NOT VALID;
ALTER TABLE app.account ALTER raw SET STORAGE EXTERNAL, ALTER raw SET COMPRESSION pglz;
ALTER TABLE app.account ALTER email SET STATISTICS 500, ALTER email SET (n_distinct = -1);
CREATE UNIQUE INDEX account_lower_idx ON app.account (lower(email) text_pattern_ops, age DESC NULLS LAST)
    INCLUDE (posted) WHERE mood = 'ok';
CREATE STATISTICS app.dependent ON email, age FROM app.account;
COMMENT ON TABLE app.account IS 'people';
COMMENT ON COLUMN app.account.email IS 'it''s the address';
GRANT SELECT ON app.account TO PUBLIC;
GRANT UPDATE (email) ON app.account TO PUBLIC;
ALTER TABLE app.account ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, REPLICA IDENTITY FULL;
CREATE POLICY mine ON app.account USING (age > 1) WITH CHECK (email <> '');
CREATE RULE quiet AS ON DELETE TO app.account WHERE old.age > 200 DO INSTEAD NOTHING;
CREATE TRIGGER touch BEFORE UPDATE OF email ON app.account FOR EACH ROW
    WHEN (OLD.age IS DISTINCT FROM NEW.age) EXECUTE FUNCTION app.touch();
ALTER TABLE app.account ENABLE ALWAYS TRIGGER touch;
CREATE TABLE app.events (id int, at timestamptz, kind text) PARTITION BY RANGE (at, lower(kind));
CREATE TABLE app.events_1 PARTITION OF app.events FOR VALUES FROM ('2024-01-01', MINVALUE) TO ('2025-01-01', MINVALUE);
CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT;
CREATE INDEX events_id_idx ON app.events (id);
CREATE TRIGGER touch BEFORE INSERT ON app.events FOR EACH ROW EXECUTE FUNCTION app.touch();
INSERT INTO app.events VALUES (1, '2024-02-01', 'x'), (2, '2030-01-01', 'y');
ANALYZE app.events;
CREATE TABLE app.parted (id int PRIMARY KEY) PARTITION BY LIST (id);
CREATE TABLE app.parted_1 PARTITION OF app.parted FOR VALUES IN (1);
CREATE TABLE app.parted_2 PARTITION OF app.parted FOR VALUES IN (2);
CREATE TABLE app.to_parts (id int REFERENCES app.parted);
CREATE TABLE app.base (a serial);
CREATE TABLE app.child (b int) INHERITS (app.base);
CREATE TABLE app.llllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllllll (id int);
CREATE SEQUENCE app.loose;
CREATE VIEW app.adults WITH (security_barrier) AS
    SELECT email, (SELECT count(*) FROM app.events) AS events FROM app.account WHERE age > 17;
CREATE MATERIALIZED VIEW app.stored AS SELECT age FROM app.account;
CREATE PUBLICATION plain FOR TABLE app.account, app.events;
