INSERT INTO users (id, name, seen) VALUES (2000 + :round, 'new ' || :round, '1999-12-31 12:00:00+00');
INSERT INTO users (id, name) VALUES (2100 + :round, 'new ' || :round);
