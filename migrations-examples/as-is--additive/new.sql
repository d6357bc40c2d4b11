INSERT INTO users SELECT 2000 + :round, name, 'so so' FROM loud WHERE id = 7;
