INSERT INTO builds (id, name, rerun_of) VALUES (20000 + :round, 'old ' || :round, 600);
INSERT INTO builds (name) SELECT 'old, numbered ' || :round;
INSERT INTO steps (build_id, number, note) VALUES (20000 + :round, 1, 'old'), (20000 + :round, 2, 'old');
INSERT INTO logs (line, build_id, step) VALUES (20000 + :round, 20000 + :round, 2);
INSERT INTO watchers (build, who) VALUES (20000 + :round, 'old');
UPDATE builds SET id = id + 30000 WHERE id = 1000 + :round;
UPDATE steps SET note = 'older' WHERE build_id % 10 = :round;
DELETE FROM builds WHERE id = 900 + :round;
