CREATE TABLE orders (id bigint NOT NULL, day date NOT NULL, kind text) PARTITION BY RANGE (day);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE orders_rest PARTITION OF orders DEFAULT PARTITION BY LIST (kind);
CREATE TABLE orders_rest_web PARTITION OF orders_rest FOR VALUES IN ('web');
CREATE TABLE orders_rest_rest PARTITION OF orders_rest DEFAULT;
INSERT INTO orders SELECT n, '2023-06-01'::date + n, CASE n % 2 WHEN 0 THEN 'web' END FROM generate_series(1, 300) n;
CREATE TABLE plain (a integer, b text) PARTITION BY LIST (a);
CREATE TABLE plain_1 PARTITION OF plain FOR VALUES IN (1);
