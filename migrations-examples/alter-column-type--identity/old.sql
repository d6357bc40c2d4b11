INSERT INTO tickets (title) VALUES ('old ' || :round);
UPDATE tickets SET title = 'older' WHERE title = 'ticket ' || (300 + :round);
DELETE FROM tickets WHERE title = 'ticket ' || (400 + :round);
