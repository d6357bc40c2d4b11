INSERT INTO orders VALUES (40000 + :round, '2024-02-01', :round, 'd' || :round), (50000 + :round, '2025-02-01', NULL, 'e' || :round);
UPDATE old_orders SET customer = 2 WHERE id = 1100 + :round;
