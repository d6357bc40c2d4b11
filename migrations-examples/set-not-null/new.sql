INSERT INTO users VALUES (2000 + :round, 'new' || :round, 'new ' || :round, '2');
UPDATE users SET "Display Name" = 'new ' || :round WHERE id % 10 = 2 AND id <= 1000;
