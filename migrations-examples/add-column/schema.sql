CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    email text
);
COMMENT ON TABLE users IS 'who signed up';
CREATE INDEX users_email ON users (email);
CREATE VIEW contacts AS SELECT * FROM users WHERE email IS NOT NULL;
INSERT INTO users SELECT n, 'user ' || n, 'user' || n || '@example.org' FROM generate_series(1, 1000) n;
