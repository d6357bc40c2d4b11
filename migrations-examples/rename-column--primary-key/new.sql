INSERT INTO accounts (account_id, label) VALUES (40000 + :round, 'new ' || :round);
INSERT INTO accounts (label) VALUES ('new, numbered ' || :round);
INSERT INTO payments VALUES (40000 + :round, 40000 + :round, 2);
UPDATE accounts SET account_id = account_id + 50000 WHERE account_id = 700 + :round AND NOT EXISTS (SELECT FROM accounts b WHERE b.parent = 700 + :round);
DELETE FROM accounts WHERE account_id = 950 + :round;
