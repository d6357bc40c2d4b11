INSERT INTO orders VALUES (3000 + :round, '2024-02-01', :round), (4000 + :round, '2024-09-01', 7);
DELETE FROM orders WHERE id = 100 + :round;
