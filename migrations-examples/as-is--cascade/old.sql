INSERT INTO orders VALUES (1000 + :round, 1, :round);
INSERT INTO lines VALUES (1000 + :round, 1000 + :round);
