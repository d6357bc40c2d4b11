INSERT INTO settings VALUES ('new :round', 'value');
