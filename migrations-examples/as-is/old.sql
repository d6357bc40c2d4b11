INSERT INTO users (id, name, email, age) VALUES (1000 + :round, 'old ' || :round, 'old', 20);
UPDATE users SET name = 'old ' || :round WHERE id % 10 = 1 AND id <= 1000;
