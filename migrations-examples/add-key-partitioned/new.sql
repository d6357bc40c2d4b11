INSERT INTO orders VALUES (20000 + :round, '2024-11-01', 'new ' || :round, 'y');
UPDATE orders SET day = '2024-12-24' WHERE id = 100 + :round;
