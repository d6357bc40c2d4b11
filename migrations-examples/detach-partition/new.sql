INSERT INTO orders VALUES (30000 + :round, '2024-08-01', 'a');
UPDATE orders_1 SET note = 'new' WHERE id = 100 + :round;
INSERT INTO kinds_rest VALUES ('d', 2000 + :round);
