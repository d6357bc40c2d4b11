INSERT INTO orders VALUES (3000 + :round, '2024-02-01', 10 + :round);
UPDATE orders SET customer = 1 WHERE id = 100 + :round;
