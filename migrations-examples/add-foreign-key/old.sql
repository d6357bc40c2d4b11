INSERT INTO orders VALUES (2000 + :round, 1, NULL, NULL, :round, NULL);
UPDATE orders SET next = id + 1 WHERE id % 10 = 1 AND id <= 990;
UPDATE customers SET region = region WHERE id = :round;
