ALTER TABLE orders ATTACH PARTITION old_orders FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
CREATE TABLE orders_2025 (id bigint NOT NULL, day date NOT NULL, customer bigint, note text, CONSTRAINT orders_id_check CHECK (id > 0));
ALTER TABLE orders ATTACH PARTITION orders_2025 FOR VALUES FROM ('2025-01-01') TO (MAXVALUE);
