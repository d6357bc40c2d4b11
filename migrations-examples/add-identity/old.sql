INSERT INTO invoices VALUES (400 + :round, 'old');
INSERT INTO rooms VALUES (100 + :round, 'old');
