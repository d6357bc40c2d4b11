INSERT INTO users VALUES (20000 + :round, 'old ' || :round, 'totp');
UPDATE users SET status = 'old ' || :round WHERE id % 7 = 0;
