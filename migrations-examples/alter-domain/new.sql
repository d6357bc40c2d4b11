INSERT INTO users VALUES (2000 + :round, 'new' || :round || '@example.org');
UPDATE users SET owes = :round WHERE id % 10 = 2 AND id <= 1000;
