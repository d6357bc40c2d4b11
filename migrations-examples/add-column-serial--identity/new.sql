INSERT INTO items (name) VALUES ('new ' || :round);
UPDATE items SET price = -:round WHERE id = (SELECT id FROM items WHERE name = 'item ' || (20 + :round));
INSERT INTO tickets (code) VALUES ('new ' || :round);
INSERT INTO tickets (code, number) VALUES ('new, given ' || :round, :round);
