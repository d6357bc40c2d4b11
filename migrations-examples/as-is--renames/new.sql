INSERT INTO users VALUES (2000 + :round, 'fine');
