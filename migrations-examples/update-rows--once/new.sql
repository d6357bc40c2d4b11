INSERT INTO users VALUES (30000 + :round, 'new ' || :round, 'webauthn');
UPDATE users SET n = n + :round WHERE id % 5 = 0;
