INSERT INTO events VALUES (10000 + :round, '2025-03-01', 'web', 'old'), (20000 + :round, '2024-03-01', 'mail', 'old');
UPDATE events SET note = 'old ' || :round WHERE id = :round;
