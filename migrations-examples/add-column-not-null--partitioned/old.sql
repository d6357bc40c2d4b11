INSERT INTO users (id, region, name, email) VALUES (3000 + :round, 's', 'old ' || :round, NULL), (3100 + :round, 'x', 'old ' || :round, 'o');
UPDATE users SET region = 'n' WHERE id = 1000 + 3 * :round;
UPDATE users SET email = 'old' WHERE id = 1500 + :round;
DELETE FROM users WHERE id = 500 + :round;
