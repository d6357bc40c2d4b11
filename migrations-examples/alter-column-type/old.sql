INSERT INTO readings (id, amount, unit) VALUES (10000 + :round, 40 + :round, 'old');
INSERT INTO readings (id) VALUES (20000 + :round);
UPDATE readings SET amount = amount + 3 WHERE id % 10 = :round;
UPDATE readings SET unit = 'l' WHERE id % 100 = 50 + :round;
DELETE FROM readings WHERE id = 1900 + :round;
