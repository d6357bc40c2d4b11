INSERT INTO users (id, sort, mail) VALUES (2000 + :round, 3, 'new' || :round);
UPDATE users SET mail = 'newer', sort = 4 WHERE id = 200 + :round;
