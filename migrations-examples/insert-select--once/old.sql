INSERT INTO users VALUES (20000 + :round, 'old ' || :round, 'totp');
