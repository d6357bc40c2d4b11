CREATE TABLE orders (id bigint NOT NULL, day date NOT NULL, customer bigint) PARTITION BY RANGE (day);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
INSERT INTO orders SELECT n, '2024-01-01'::date + n, n FROM generate_series(1, 100) n;
