DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop app') THEN
        CREATE ROLE "shop app";
    END IF;
END
$$;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, feels mood);
INSERT INTO users SELECT n, 'user ' || n, 'sad' FROM generate_series(1, 1000) n;
