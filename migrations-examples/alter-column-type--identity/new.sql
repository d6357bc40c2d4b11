INSERT INTO tickets (title) VALUES ('new ' || :round);
INSERT INTO tickets ("Number", title) OVERRIDING SYSTEM VALUE VALUES (5000000000 + :round, 'new, given ' || :round);
