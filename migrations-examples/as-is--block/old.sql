INSERT INTO settings VALUES ('old :round', 'value');
UPDATE tags SET label = lower(label) WHERE id = :round;
