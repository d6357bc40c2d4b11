CREATE TABLE orders (id bigint NOT NULL, day date NOT NULL, customer bigint CHECK (customer > 0)) PARTITION BY RANGE (day);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX own ON orders_1 (id);
ALTER TABLE orders ADD UNIQUE (id, day);
INSERT INTO orders SELECT n, '2024-01-01'::date + n, n % 100 + 1 FROM generate_series(1, 300) n;
