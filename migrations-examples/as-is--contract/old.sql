INSERT INTO users VALUES (1000 + :round, 'old ' || :round, 18);
INSERT INTO visits VALUES (1000 + :round, 1000 + :round);
SELECT * FROM adults;
