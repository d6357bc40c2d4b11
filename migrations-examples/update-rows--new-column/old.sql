INSERT INTO shops (id, region) VALUES (7000 + :round, 7 + :round);
INSERT INTO sales VALUES (7000 + :round, :round);
UPDATE shops SET open = NOT open WHERE id = 700 + :round AND NOT open;
