INSERT INTO orders VALUES (1000 + :round, :round, 'old');
UPDATE orders SET state = 'old ' || :round WHERE id % 10 = 1 AND id <= 1000;
