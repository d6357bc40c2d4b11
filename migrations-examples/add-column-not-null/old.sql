INSERT INTO users (id, name, email) VALUES (1000 + :round, 'old ' || :round, NULL);
INSERT INTO users VALUES (1100 + :round, 'old ' || :round, 'o' || :round);
DELETE FROM users WHERE id = 500 + :round;
