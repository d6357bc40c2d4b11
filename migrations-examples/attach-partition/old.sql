INSERT INTO orders VALUES (10000 + :round, '2024-02-01', :round, 'a' || :round), (20000 + :round, '2023-02-01', NULL, 'b' || :round);
INSERT INTO old_orders VALUES (30000 + :round, '2024-08-01', :round, 'c' || :round);
UPDATE old_orders SET customer = 1 WHERE id = 1000 + :round;
