INSERT INTO users (id, name) VALUES (4000 + :round, 'new ' || :round);
INSERT INTO users (id, name, token, "lucky Number")
VALUES (4100 + :round, 'new, given ' || :round, ('00000000-0000-0000-0000-00000000000' || :round)::uuid, NULL);
UPDATE users SET "lucky Number" = NULL WHERE id % 10 = 2 AND id <= 2000;
UPDATE users SET "lucky Number" = 7 WHERE id % 10 = 3 AND id <= 2000;
