CREATE TABLE orders (
    id bigint PRIMARY KEY,
    amount numeric(10, 2) NOT NULL,
    discount numeric(10, 2),
    "State" text NOT NULL DEFAULT 'new',
    CONSTRAINT orders_check CHECK (id > 0)
);
INSERT INTO orders SELECT n, n, CASE WHEN n % 2 = 0 THEN 1 END FROM generate_series(1, 1000) n;
