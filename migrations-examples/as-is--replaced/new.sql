SELECT name, id FROM names;
UPDATE users SET name = 'new ' || :round WHERE id = 20 + :round;
