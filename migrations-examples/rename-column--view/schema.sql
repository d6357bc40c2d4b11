CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, age integer);
INSERT INTO users SELECT n, 'user ' || n, n % 90 FROM generate_series(1, 1000) n;
CREATE VIEW adults AS SELECT id, name FROM users WHERE age >= 18;
CREATE VIEW names WITH (security_barrier) AS SELECT upper(name) AS upper, name FROM users;
CREATE VIEW upper_names AS SELECT upper FROM names;
