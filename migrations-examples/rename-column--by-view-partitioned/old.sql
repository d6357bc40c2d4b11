INSERT INTO events VALUES (1000 + :round, '2024-03-01', 'old');
UPDATE events SET at = at + 400 WHERE id = 10 + :round;
DELETE FROM events WHERE id = 50 + :round AND at > '2024-01-01';
