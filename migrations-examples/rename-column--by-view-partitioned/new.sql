INSERT INTO events (id, happened_at, kind) VALUES (2000 + :round, '2025-03-01', 'new');
UPDATE events SET happened_at = happened_at + 1 WHERE id = 20 + :round;
DELETE FROM events WHERE id = 70 + :round AND happened_at > '2024-01-01';
