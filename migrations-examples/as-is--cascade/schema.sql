CREATE TABLE shops (id integer PRIMARY KEY);
INSERT INTO shops SELECT n FROM generate_series(1, 100) n;
CREATE TABLE orders (id integer PRIMARY KEY, shop integer REFERENCES shops, kind integer, CONSTRAINT kinds UNIQUE (kind));
CREATE TABLE lines (id integer PRIMARY KEY, "order" integer REFERENCES orders);
CREATE SEQUENCE numbers;
