INSERT INTO users (id, name) VALUES (3000 + :round, 'old ' || :round);
UPDATE users SET name = 'old ' || :round WHERE id % 10 = 1 AND id <= 2000;
DELETE FROM users WHERE id = 500 + :round;
