INSERT INTO accounts (id, label) VALUES (20000 + :round, 'old ' || :round);
INSERT INTO accounts (label) SELECT 'old, numbered ' || :round WHERE :round < 3;
INSERT INTO payments VALUES (20000 + :round, 20000 + :round, 1);
UPDATE accounts SET id = id + 30000 WHERE id = 800 + :round AND NOT EXISTS (SELECT FROM accounts b WHERE b.parent = 800 + :round);
UPDATE accounts SET label = 'older' WHERE id % 10 = 1 AND id <= 1000;
DELETE FROM accounts WHERE id = 900 + :round;
