INSERT INTO users (id, region, name, contact, nick) VALUES (4000 + :round, 'n', 'new ' || :round, 'given ' || :round, 'nick');
UPDATE users SET region = 's' WHERE id = 600 + 3 * :round;
UPDATE users SET contact = 'changed' WHERE id % 10 = 2 AND id <= 1000;
