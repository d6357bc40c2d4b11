INSERT INTO users VALUES (2000 + :round, 2, 2);
