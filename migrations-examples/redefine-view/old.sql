INSERT INTO users VALUES (1000 + :round, 'old ' || :round, 18);
SELECT id, age FROM adults;
