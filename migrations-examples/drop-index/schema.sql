CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL, state text);
INSERT INTO orders SELECT n, n % 100, 's' || n % 3 FROM generate_series(1, 1000) n;
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX "orders by State" ON orders (state) WHERE state <> 's1';
CREATE UNIQUE INDEX orders_once ON orders (customer, id);
CREATE INDEX orders_kept ON orders (lower(state));
