INSERT INTO users (id, name, email) VALUES (1000 + :round, 'old ' || :round, NULL);
INSERT INTO users VALUES (1100 + :round, 'old, by position ' || :round, 'o' || :round);
UPDATE users SET email = 'old ' || :round WHERE id % 10 = 1 AND id <= 1000;
DELETE FROM users WHERE id = 500 + :round;
