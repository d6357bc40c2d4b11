INSERT INTO orders VALUES (1000 + :round, '2024-02-01', :round), (2000 + :round, '2024-09-01', 7);
DELETE FROM orders WHERE id = :round;
