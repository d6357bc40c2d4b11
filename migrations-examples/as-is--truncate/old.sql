INSERT INTO caches VALUES (1000 + :round);
INSERT INTO entries VALUES (1000 + :round, 1);
