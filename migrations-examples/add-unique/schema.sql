CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text,
    tenant integer NOT NULL,
    "Login Name" text,
    seat integer
);
CREATE INDEX users_tenant_login_key ON users (tenant);
INSERT INTO users
SELECT n, CASE WHEN n % 5 > 0 THEN 'u' || n END, n % 7, 'Login ' || n, n FROM generate_series(1, 1000) n;
