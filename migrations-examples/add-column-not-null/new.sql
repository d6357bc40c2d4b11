INSERT INTO users (id, name, contact) VALUES (2000 + :round, 'new ' || :round, 'given ' || :round);
UPDATE users SET contact = 'changed' WHERE id % 10 = 2 AND id <= 1000;
