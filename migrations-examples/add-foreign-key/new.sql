INSERT INTO customers VALUES (1000 + :round, 'new', :round);
INSERT INTO orders VALUES (3000 + :round, 1000 + :round, 'new', :round, NULL, 1000);
DELETE FROM customers WHERE id = 50 + :round AND region = 'none';
UPDATE customers SET number = number + 1000 WHERE id = 1000 + :round;
