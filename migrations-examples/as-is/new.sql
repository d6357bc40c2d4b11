INSERT INTO users (id, name, email) VALUES (2000 + :round, NULL, 'new');
INSERT INTO addresses (id, user_id, street, city) VALUES (:round, 2000 + :round, 'street', 'city');
DELETE FROM users WHERE id = 100 + :round;
