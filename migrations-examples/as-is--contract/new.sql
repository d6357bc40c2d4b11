INSERT INTO users VALUES (2000 + :round, 'new ' || :round, 20);
UPDATE users SET name = 'new ' || :round || id WHERE id % 10 = 2 AND id <= 1000;
