DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop app') THEN
        CREATE ROLE "shop app";
    END IF;
END
$$;
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, age integer);
INSERT INTO users SELECT n, 'user ' || n, n % 90 FROM generate_series(1, 1000) n;
CREATE VIEW adults AS SELECT id, age FROM users WHERE age >= 18;
COMMENT ON VIEW adults IS 'who may buy';
GRANT SELECT ON adults TO "shop app";
