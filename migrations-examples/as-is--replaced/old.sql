SELECT name FROM names;
INSERT INTO users VALUES (1000 + :round, 'old', 0);
