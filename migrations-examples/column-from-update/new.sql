INSERT INTO users (id, full_name) VALUES (4000 + :round, 'New ' || :round);
UPDATE users SET full_name = 'Newer ' || :round WHERE id % 10 = 2 AND id <= 2000;
UPDATE users SET full_name = NULL WHERE id % 10 = 3 AND id <= 2000;
