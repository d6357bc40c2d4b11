CREATE TABLE orders (id bigint, day date NOT NULL, number text, "To" text) PARTITION BY RANGE (day);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM ('2024-07-01') TO ('2025-01-01') PARTITION BY RANGE (day);
CREATE TABLE orders_2_a PARTITION OF orders_2 FOR VALUES FROM ('2024-07-01') TO ('2024-10-01');
CREATE TABLE orders_2_b PARTITION OF orders_2 FOR VALUES FROM ('2024-10-01') TO ('2025-01-01');
INSERT INTO orders SELECT n, '2024-01-01'::date + n % 366, 'n' || n, 'to ' || n FROM generate_series(1, 600) n;
