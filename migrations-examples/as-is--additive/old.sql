INSERT INTO users VALUES (1000 + :round, 'old ' || :round, 'happy');
UPDATE users SET name = 'old ' || :round WHERE id % 10 = 1 AND id <= 1000;
