CREATE TABLE users (
    id bigint PRIMARY KEY,
    email text DEFAULT 'none',
    "Display Name" text,
    phone text CONSTRAINT users_phone_not_null CHECK (phone <> '')
);
COMMENT ON COLUMN users.email IS 'where to write to';
INSERT INTO users SELECT n, 'user' || n, 'User ' || n, n FROM generate_series(1, 1000) n;
