CREATE SCHEMA stock;
CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL, state text);
INSERT INTO orders SELECT n, n % 100, 's' || n % 3 FROM generate_series(1, 1000) n;
CREATE INDEX orders_customer ON orders (customer);
CREATE UNIQUE INDEX "orders by State" ON orders (state, id) WHERE state <> 's1';
CREATE TABLE stock.items (id bigint PRIMARY KEY, at point, EXCLUDE USING gist (at WITH ~=));
CREATE INDEX items_at ON stock.items USING gist (at);
