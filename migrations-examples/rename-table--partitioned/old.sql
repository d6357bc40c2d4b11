INSERT INTO app.events VALUES (1000 + :round, '2025-02-02', 'old');
UPDATE app.events SET at = '2027-01-01' WHERE id = :round;
