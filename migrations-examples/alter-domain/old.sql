INSERT INTO users VALUES (1000 + :round, 'old' || :round || '@example.org');
UPDATE users SET mail = 'old' || :round || '@example.com' WHERE id % 10 = 1 AND id <= 1000;
