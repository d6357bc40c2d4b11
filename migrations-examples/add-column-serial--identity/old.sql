INSERT INTO items (name) VALUES ('old ' || :round);
UPDATE items SET price = :round WHERE name = 'item ' || (10 + :round);
INSERT INTO tickets (code) VALUES ('old ' || :round);
