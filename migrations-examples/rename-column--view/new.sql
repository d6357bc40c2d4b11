INSERT INTO users (id, full_name, age) VALUES (2000 + :round, 'new ' || :round, 20);
UPDATE names SET name = 'm' WHERE upper = 'USER 2' || :round;
SELECT upper FROM upper_names;
