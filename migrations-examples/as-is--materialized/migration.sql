CREATE MATERIALIZED VIEW largest AS SELECT id, amount FROM sales WHERE amount > 50 AND id <= 100;
CREATE UNIQUE INDEX largest_id ON largest (id);
