INSERT INTO app.happenings VALUES (2000 + :round, '2025-02-02', 'new');
UPDATE app.happenings SET at = '2027-01-01' WHERE id = 100 + :round;
