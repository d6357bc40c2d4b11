-- One change per line, each run alone after schema.sql. The snapshot has to notice every one.
CREATE SCHEMA third
ALTER SCHEMA other OWNER TO pg_monitor
GRANT USAGE ON SCHEMA app TO pg_monitor
COMMENT ON SCHEMA app IS 'x'
ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO pg_monitor
CREATE TABLE app.extra ()
DROP TABLE app.plain
ALTER TABLE app.plain RENAME TO plainer
ALTER TABLE app.plain SET SCHEMA other
ALTER TABLE app.plain OWNER TO pg_monitor
ALTER TABLE app.plain SET UNLOGGED
ALTER TABLE app.plain SET (fillfactor = 70)
ALTER TABLE app.plain SET (toast.autovacuum_enabled = off)
ALTER TABLE app.plain REPLICA IDENTITY FULL
ALTER TABLE app.plain ENABLE ROW LEVEL SECURITY
ALTER TABLE app.users FORCE ROW LEVEL SECURITY
GRANT SELECT ON app.plain TO pg_monitor
GRANT SELECT ON app.plain TO PUBLIC
GRANT SELECT ON app.plain TO pg_monitor WITH GRANT OPTION
REVOKE INSERT ON app.plain FROM postgres
COMMENT ON TABLE app.plain IS 'x'
ALTER TABLE app.readings ATTACH PARTITION app.readings_2025 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
ALTER TABLE app.readings DETACH PARTITION app.readings_2024
CREATE TABLE app.child () INHERITS (app.plain)
ALTER TABLE app.plain ADD COLUMN extra integer
ALTER TABLE app.plain DROP COLUMN note
ALTER TABLE app.plain RENAME COLUMN note TO notes
ALTER TABLE app.users ALTER COLUMN email TYPE varchar(201)
ALTER TABLE app.users ALTER COLUMN payload TYPE text COLLATE "C"
ALTER TABLE app.users ALTER COLUMN mood SET DEFAULT 'happy'
ALTER TABLE app.users ALTER COLUMN mood DROP DEFAULT
ALTER TABLE app.users ALTER COLUMN name DROP NOT NULL
ALTER TABLE app.users ALTER COLUMN payload SET NOT NULL
ALTER TABLE app.users ALTER COLUMN id SET GENERATED ALWAYS
ALTER TABLE app.users ALTER COLUMN id DROP IDENTITY
ALTER TABLE app.users ALTER COLUMN doubled DROP EXPRESSION
ALTER TABLE app.users ALTER COLUMN doubled SET EXPRESSION AS (amount * 3) -- since 17
ALTER TABLE app.users ALTER COLUMN payload SET STORAGE EXTERNAL
ALTER TABLE app.users ALTER COLUMN payload SET COMPRESSION pglz
ALTER TABLE app.users ALTER COLUMN payload SET STATISTICS 500
ALTER TABLE app.users ALTER COLUMN payload SET (n_distinct = 5)
GRANT UPDATE (payload) ON app.users TO pg_monitor
COMMENT ON COLUMN app.users.payload IS 'x'
ALTER TABLE app.users ADD CONSTRAINT named CHECK (payload <> '') NOT VALID
ALTER TABLE app.users RENAME CONSTRAINT amount_check TO amount_positive
ALTER TABLE app.users DROP CONSTRAINT amount_check
ALTER TABLE app.users DROP CONSTRAINT amount_check, ADD CONSTRAINT amount_check CHECK (amount >= 0) NO INHERIT
ALTER TABLE app.users DROP CONSTRAINT amount_check, ADD CONSTRAINT amount_check CHECK (amount >= 0) NOT VALID
ALTER TABLE app.users RENAME CONSTRAINT users_name_not_null TO name_there -- since 18
ALTER TABLE app.users ADD CONSTRAINT payload_there NOT NULL payload NOT VALID -- since 18
ALTER TABLE app.orders ALTER CONSTRAINT orders_user_fk NOT ENFORCED -- since 18
ALTER TABLE app.orders ALTER CONSTRAINT orders_user_fk DEFERRABLE
ALTER TABLE app.orders ALTER CONSTRAINT orders_user_fk DEFERRABLE INITIALLY DEFERRED
ALTER TABLE app.orders DROP CONSTRAINT orders_user_fk, ADD CONSTRAINT orders_user_fk FOREIGN KEY (user_id) REFERENCES app.users ON DELETE CASCADE
ALTER TABLE app.users DROP CONSTRAINT users_email_key
COMMENT ON CONSTRAINT orders_user_fk ON app.orders IS 'x'
CREATE INDEX again ON app.users (name)
CREATE INDEX ON ONLY app.readings (value)
DROP INDEX app.users_name
ALTER INDEX app.users_name RENAME TO users_by_name
ALTER INDEX app.users_name SET (fillfactor = 50)
ALTER INDEX app.users_lower ALTER COLUMN 1 SET STATISTICS 300
ALTER TABLE app.users CLUSTER ON users_name
ALTER TABLE app.users REPLICA IDENTITY USING INDEX users_pkey
COMMENT ON INDEX app.users_name IS 'x'
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.users_name'::regclass
ALTER SEQUENCE app.numbers INCREMENT 5
ALTER SEQUENCE app.numbers AS integer
ALTER SEQUENCE app.numbers MAXVALUE 100
ALTER SEQUENCE app.numbers CYCLE
ALTER SEQUENCE app.numbers CACHE 7
ALTER SEQUENCE app.numbers OWNED BY app.plain.id
ALTER SEQUENCE app.users_id_seq RENAME TO ids
GRANT USAGE ON SEQUENCE app.numbers TO pg_monitor
CREATE OR REPLACE VIEW app.names AS SELECT id, name FROM app.users WHERE id > 0
ALTER VIEW app.names SET (security_barrier = true)
COMMENT ON VIEW app.names IS 'x'
REFRESH MATERIALIZED VIEW app.totals WITH NO DATA
DROP MATERIALIZED VIEW app.totals
DROP TRIGGER stamp ON app.users
ALTER TABLE app.users DISABLE TRIGGER stamp
ALTER TABLE app.users ENABLE ALWAYS TRIGGER stamp
ALTER TABLE app.users DISABLE TRIGGER ALL
ALTER TABLE app.orders DISABLE TRIGGER ALL
ALTER TRIGGER stamp ON app.users RENAME TO stamps
CREATE OR REPLACE TRIGGER stamp BEFORE UPDATE OF name ON app.users FOR EACH ROW EXECUTE FUNCTION app.stamp()
CREATE OR REPLACE TRIGGER stamp BEFORE UPDATE ON app.users FOR EACH ROW WHEN (OLD.id > 3) EXECUTE FUNCTION app.stamp()
COMMENT ON TRIGGER stamp ON app.users IS 'x'
CREATE OR REPLACE FUNCTION app.one() RETURNS integer LANGUAGE sql AS 'SELECT 2'
ALTER FUNCTION app.one() IMMUTABLE
ALTER FUNCTION app.one() SET search_path = ''
ALTER FUNCTION app.one() OWNER TO pg_monitor
REVOKE EXECUTE ON FUNCTION app.one() FROM PUBLIC
COMMENT ON FUNCTION app.one() IS 'x'
DROP PROCEDURE app.nothing()
DROP AGGREGATE app.total(integer)
ALTER TYPE app.mood ADD VALUE 'calm' BEFORE 'happy'
ALTER TYPE app.mood RENAME VALUE 'sad' TO 'blue'
ALTER TYPE app.mood OWNER TO pg_monitor
COMMENT ON TYPE app.mood IS 'x'
ALTER DOMAIN app.positive SET NOT NULL
ALTER DOMAIN app.positive SET DEFAULT 4
ALTER DOMAIN app.positive DROP CONSTRAINT above_zero
ALTER DOMAIN app.positive ADD CONSTRAINT small CHECK (VALUE < 9) NOT VALID
ALTER TYPE app.point ADD ATTRIBUTE z integer
ALTER TYPE app.point ALTER ATTRIBUTE y TYPE bigint
DROP TYPE app.span
CREATE POLICY second ON app.users FOR SELECT USING (id > 0)
ALTER POLICY everyone ON app.users USING (id > 1)
ALTER POLICY everyone ON app.users TO pg_monitor
DROP POLICY everyone ON app.users
ALTER STATISTICS app.users_stat SET STATISTICS 99
DROP STATISTICS app.users_stat
COMMENT ON STATISTICS app.users_stat IS 'x'
DROP RULE no_delete ON app.plain
ALTER TABLE app.plain ENABLE RULE no_delete
ALTER PUBLICATION feed ADD TABLE app.users
ALTER PUBLICATION feed SET TABLE app.orders (id) -- since 15
ALTER PUBLICATION feed SET TABLE app.orders WHERE (id > 5) -- since 15
ALTER PUBLICATION feed SET (publish = 'insert')
DROP PUBLICATION feed
DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = ''8MB''', current_database()); END $$
