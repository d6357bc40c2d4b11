INSERT INTO users VALUES (md5('new' || :round)::uuid, 'new' || :round, 'New ' || :round);
UPDATE users SET email = 'new' WHERE id = md5((300 + :round)::text)::uuid;
