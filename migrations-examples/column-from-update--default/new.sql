INSERT INTO builds (id, status, scheduled, note, aborted, inputs_ready, label)
VALUES (4000 + :round, 'aborted', true, 'new', false, false, 'given');
INSERT INTO builds (id, status, scheduled) VALUES (4100 + :round, 'started', false);
UPDATE builds SET aborted = true, label = 'new' WHERE id % 15 = 7 + :round;
