INSERT INTO users VALUES (30000 + :round, 'new ' || :round, 'webauthn');
DELETE FROM users WHERE id > 20000 AND id < 30000;
INSERT INTO visits VALUES (30000 + :round, 20 + :round, '2024-01-01');
