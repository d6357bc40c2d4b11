CREATE TABLE users (
    id bigint PRIMARY KEY,
    first text NOT NULL,
    last text
);
CREATE INDEX users_last ON users (last);
INSERT INTO users SELECT n, 'First ' || n, CASE WHEN n % 4 > 0 THEN 'Last ' || n END FROM generate_series(1, 2000) n;
