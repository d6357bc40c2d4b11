INSERT INTO events VALUES (30000 + :round, '2025-03-01', 'web', 'new'), (40000 + :round, '2024-03-01', NULL, 'new');
UPDATE events SET kind = 'mail' WHERE id = 100 + :round;
