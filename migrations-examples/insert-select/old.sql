INSERT INTO users VALUES (20000 + :round, 'old ' || :round, 'totp');
INSERT INTO contacts VALUES (20000 + :round, 'old', 'old');
