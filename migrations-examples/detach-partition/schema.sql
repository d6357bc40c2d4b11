CREATE TABLE orders (id bigint NOT NULL, day date NOT NULL, note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
ALTER TABLE orders_1 ADD CONSTRAINT orders_1_day_check CHECK (day > '2020-01-01');
INSERT INTO orders SELECT n, '2024-01-01'::date + n, 'note ' || n FROM generate_series(1, 300) n;
CREATE TABLE kinds (kind text, id integer) PARTITION BY LIST (kind);
CREATE TABLE kinds_a PARTITION OF kinds FOR VALUES IN ('a', NULL);
CREATE TABLE kinds_rest PARTITION OF kinds DEFAULT;
INSERT INTO kinds SELECT CASE n % 2 WHEN 0 THEN 'a' ELSE 'b' END, n FROM generate_series(1, 100) n;
