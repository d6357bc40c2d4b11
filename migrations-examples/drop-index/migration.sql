CREATE INDEX orders_customer_state ON orders (customer, state);
DROP INDEX orders_customer, "orders by State";
DROP INDEX CONCURRENTLY IF EXISTS orders_once;
DROP INDEX IF EXISTS never_was;
