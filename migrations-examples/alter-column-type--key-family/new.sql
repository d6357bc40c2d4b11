INSERT INTO builds (id, name, rerun_of) VALUES (5000000000 + :round, 'new ' || :round, 600);
INSERT INTO builds (name) VALUES ('new, numbered ' || :round);
INSERT INTO steps (build_id, number, note) VALUES (5000000000 + :round, 1, 'new');
INSERT INTO logs (line, build_id, step) VALUES (40000 + :round, 5000000000 + :round, 1);
DELETE FROM builds WHERE id = 950 + :round;
