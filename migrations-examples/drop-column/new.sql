INSERT INTO users (id, name) VALUES (2000 + :round, 'new ' || :round);
UPDATE users SET name = 'new ' || :round WHERE id % 10 = 2 AND id <= 1000;
