CREATE TABLE customers (
    id bigint PRIMARY KEY,
    region text NOT NULL,
    number integer NOT NULL,
    UNIQUE (region, number)
);
INSERT INTO customers SELECT n, 'r' || n % 3, n FROM generate_series(1, 100) n;
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint,
    region text,
    number integer,
    previous bigint,
    next bigint
);
INSERT INTO orders
SELECT n, n % 100 + 1, 'r' || (n % 100 + 1) % 3, n % 100 + 1, nullif(n - 1, 0), NULL
FROM generate_series(1, 1000) n;
INSERT INTO orders VALUES (1001, NULL, NULL, 7, NULL, NULL);
