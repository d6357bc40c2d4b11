CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
CREATE TABLE orders_rest_shop PARTITION OF orders_rest (CHECK (id > 0)) FOR VALUES IN ('shop', 'stall');
CREATE TABLE plain_2 PARTITION OF plain FOR VALUES IN (2, 3);
