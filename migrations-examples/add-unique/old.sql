INSERT INTO users VALUES (1000 + :round, 'old' || :round, 1, 'Old ' || :round, 1000 + :round);
INSERT INTO users VALUES (1100 + :round, NULL, 1, NULL, NULL);
UPDATE users SET email = 'older' || id WHERE id % 10 = 1 AND id <= 1000;
