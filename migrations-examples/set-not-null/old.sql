INSERT INTO users (id, "Display Name", phone) VALUES (1000 + :round, 'old ' || :round, '1');
UPDATE users SET email = 'old ' || :round WHERE id % 10 = 1 AND id <= 1000;
