INSERT INTO clients (id, name) VALUES ('client-:round', 'new');
INSERT INTO codes VALUES (8000 + :round, 'client-:round');
INSERT INTO tokens VALUES (8000 + :round, 'client-:round');
DELETE FROM tokens WHERE client_id = '00000000-0000-0000-0000-00000000025:round';
DELETE FROM clients WHERE id = '00000000-0000-0000-0000-00000000025:round';
