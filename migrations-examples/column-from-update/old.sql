INSERT INTO users (id, first, last) VALUES (3000 + :round, 'Old', NULL);
INSERT INTO users VALUES (3100 + :round, 'Old', 'Last ' || :round);
UPDATE users SET last = 'Older ' || :round WHERE id % 10 = 1 AND id <= 2000;
UPDATE users SET first = 'Older' WHERE id = 1500 + :round;
DELETE FROM users WHERE id = 500 + :round;
