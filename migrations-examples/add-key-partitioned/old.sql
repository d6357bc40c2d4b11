INSERT INTO orders VALUES (10000 + :round, '2024-03-01', 'old ' || :round, 'x');
UPDATE orders SET "To" = 'old' WHERE id = :round;
