CREATE DOMAIN email AS text DEFAULT 'none' CONSTRAINT email_short CHECK (length(VALUE) < 1000);
CREATE DOMAIN amount AS integer NOT NULL;
CREATE TABLE users (id bigint PRIMARY KEY, mail email, owes amount DEFAULT 0);
INSERT INTO users SELECT n, 'user' || n || '@example.org', n FROM generate_series(1, 1000) n;
