INSERT INTO orders VALUES (10000 + :round, '2024-08-01', 'a');
INSERT INTO orders_1 VALUES (20000 + :round, '2024-02-01', 'b');
INSERT INTO kinds VALUES ('c', 1000 + :round);
UPDATE orders SET note = 'old' WHERE id = :round;
