INSERT INTO readings VALUES (1000 + :round, :round);
UPDATE readings SET value = value + 1 WHERE sensor = :round;
