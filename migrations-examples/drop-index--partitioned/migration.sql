DROP INDEX orders_customer, own;
ALTER TABLE orders DROP CONSTRAINT orders_id_day_key;
ALTER TABLE orders DROP CONSTRAINT orders_customer_check;
