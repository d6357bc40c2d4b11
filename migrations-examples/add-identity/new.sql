INSERT INTO invoices (note) VALUES ('new ' || :round);
INSERT INTO rooms (name) VALUES ('new ' || :round);
INSERT INTO rooms (id, name) VALUES (200 + :round, 'new, given');
