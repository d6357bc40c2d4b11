CREATE TABLE kinds (id integer PRIMARY KEY);
INSERT INTO kinds SELECT generate_series(0, 9);
CREATE TABLE users (
    id bigint PRIMARY KEY,
    kind integer CONSTRAINT "never Null" NOT NULL,
    email text,
    doubled integer GENERATED ALWAYS AS (id * 2) VIRTUAL,
    CONSTRAINT in_mind CHECK (kind > 100) NOT ENFORCED,
    CONSTRAINT of_a_kind FOREIGN KEY (kind) REFERENCES kinds (id) NOT ENFORCED,
    CONSTRAINT one_each UNIQUE NULLS NOT DISTINCT (email, kind, id)
);
INSERT INTO users SELECT n, n % 10, 'u' || n FROM generate_series(1, 1000) n;
COMMENT ON CONSTRAINT "never Null" ON users IS 'it has a name of its own';
ALTER TABLE users ADD CONSTRAINT email_later NOT NULL email NOT VALID;
