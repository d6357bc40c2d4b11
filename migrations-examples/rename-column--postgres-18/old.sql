INSERT INTO users (id, kind, email) VALUES (1000 + :round, 1, 'old' || :round);
UPDATE users SET kind = 2 WHERE id = 100 + :round;
