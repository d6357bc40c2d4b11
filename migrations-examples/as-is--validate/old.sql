INSERT INTO users VALUES (1000 + :round, 1, 1);
