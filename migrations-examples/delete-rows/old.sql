INSERT INTO users VALUES (20000 + :round, 'old ' || :round, NULL);
INSERT INTO visits VALUES (20000 + :round, 20 + :round, '2024-01-01');
SELECT count(*) FROM users WHERE status IS NULL;
