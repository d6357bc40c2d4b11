CREATE TABLE customers (id integer PRIMARY KEY, code varchar(20) NOT NULL UNIQUE, name text);
INSERT INTO customers SELECT n, 'code ' || n, 'customer ' || n FROM generate_series(1, 500) n;
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer integer NOT NULL REFERENCES customers ON DELETE CASCADE,
    code varchar(20) REFERENCES customers (code) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE orders ADD CONSTRAINT orders_customer_again FOREIGN KEY (customer) REFERENCES customers (id) NOT VALID;
INSERT INTO orders SELECT n, n % 500 + 1, 'code ' || n % 500 + 1 FROM generate_series(1, 2000) n;
