INSERT INTO builds (id, status, scheduled, note) VALUES (3000 + :round, 'started', true, 'old');
INSERT INTO builds (id, status, scheduled, note) VALUES (3100 + :round, 'aborted', true, 'old');
UPDATE builds SET status = 'aborted' WHERE id = 3000 + :round;
UPDATE builds SET status = 'aborted', note = 'old ' || :round WHERE id % 15 = :round;
UPDATE builds SET status = 'restarted' WHERE id = 3100 + :round;
