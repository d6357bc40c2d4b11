CREATE TABLE users (id bigint PRIMARY KEY, email text, name text);
INSERT INTO users SELECT n, 'u' || n, 'name' FROM generate_series(1, 1000) n;
ALTER TABLE users ADD CONSTRAINT email_given NOT NULL email NOT VALID;
