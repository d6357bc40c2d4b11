CREATE TABLE sales (id integer PRIMARY KEY, amount integer);
INSERT INTO sales SELECT n, n FROM generate_series(1, 100) n;
CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM sales WHERE id <= 100;
CREATE UNIQUE INDEX totals_n ON totals (n);
