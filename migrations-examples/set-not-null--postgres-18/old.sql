INSERT INTO users VALUES (1000 + :round, 'old', 'old');
