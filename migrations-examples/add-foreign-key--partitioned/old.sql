INSERT INTO orders VALUES (1000 + :round, '2024-02-01', :round), (2000 + :round, '2024-09-01', NULL);
DELETE FROM orders WHERE id = :round;
