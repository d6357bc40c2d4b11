INSERT INTO orders VALUES (2000 + :round, :round, 'new');
UPDATE orders SET state = 'new ' || :round WHERE id % 10 = 2 AND id <= 1000;
