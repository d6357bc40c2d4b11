INSERT INTO users VALUES (20000 + :round, 'old ' || :round, 'totp');
UPDATE users SET n = n + :round WHERE id % 7 = 0;
