INSERT INTO customers (id, code, name) VALUES (7000 + :round, 'old ' || :round, 'old');
INSERT INTO orders (id, customer, code) VALUES (7000 + :round, 7000 + :round, 'old ' || :round);
UPDATE customers SET code = 'moved ' || :round WHERE id = 300 + :round;
DELETE FROM orders WHERE customer = 400 + :round;
DELETE FROM customers WHERE id = 400 + :round;
