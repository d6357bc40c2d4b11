INSERT INTO orders VALUES (2000 + :round, 10, NULL, 'done');
UPDATE orders SET "State" = 'it''s paid' WHERE id % 10 = 2 AND id <= 1000;
