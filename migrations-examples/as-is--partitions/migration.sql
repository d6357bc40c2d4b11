CREATE INDEX orders_customer ON ONLY orders (customer);
CREATE INDEX CONCURRENTLY orders_1_customer ON orders_1 (customer);
ALTER INDEX orders_customer ATTACH PARTITION orders_1_customer;
CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
