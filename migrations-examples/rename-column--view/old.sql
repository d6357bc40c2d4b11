INSERT INTO users VALUES (1000 + :round, 'old ' || :round, 18);
SELECT name FROM adults;
UPDATE names SET name = 'n' WHERE upper = 'USER 1' || :round;
SELECT upper FROM upper_names;
