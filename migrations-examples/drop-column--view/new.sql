INSERT INTO users (id, name, age) VALUES (2000 + :round, 'new ' || :round, 20);
SELECT name FROM adults WHERE id < 100;
