INSERT INTO readings (id, amount, unit) VALUES (30000 + :round, 5000000000 + :round, 'new');
INSERT INTO readings (id) VALUES (40000 + :round);
UPDATE readings SET amount = amount + 4000000000 WHERE id = 500 + :round;
