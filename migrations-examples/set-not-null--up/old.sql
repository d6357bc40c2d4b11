INSERT INTO users (id, email, name) VALUES (md5('old' || :round)::uuid, NULL, 'Old ' || :round);
INSERT INTO users (id, name) VALUES (md5('older' || :round)::uuid, 'Older ' || :round);
INSERT INTO users VALUES (md5('oldest' || :round)::uuid, 'given', 'Oldest ' || :round);
DELETE FROM users WHERE id = md5((:round * 3)::text)::uuid;
