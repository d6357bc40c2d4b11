INSERT INTO orders (id, amount) VALUES (1000 + :round, :round);
UPDATE orders SET discount = 0.5 WHERE id % 10 = 1 AND id <= 1000;
