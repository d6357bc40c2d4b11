CREATE TABLE customers (id bigint PRIMARY KEY);
INSERT INTO customers SELECT generate_series(1, 100);
CREATE TABLE orders (
    id bigint NOT NULL, day date NOT NULL, customer bigint REFERENCES customers, note text,
    PRIMARY KEY (id, day), CHECK (id > 0)
) PARTITION BY RANGE (day);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE orders_rest PARTITION OF orders DEFAULT;
CREATE INDEX ON orders (lower(note));
CREATE UNIQUE INDEX orders_note ON orders (note DESC, day) INCLUDE (id);
INSERT INTO orders SELECT n, '2023-06-01'::date + n, n % 100 + 1, 'note ' || n FROM generate_series(1, 300) n;
CREATE TABLE old_orders (
    id bigint NOT NULL, day date NOT NULL, customer bigint, note text,
    CONSTRAINT orders_id_check CHECK (id > 0)
);
INSERT INTO old_orders SELECT n, '2024-07-01'::date + n % 180, n % 100 + 1, 'old ' || n FROM generate_series(1001, 1300) n;
