INSERT INTO shops VALUES (1000 + :round);
