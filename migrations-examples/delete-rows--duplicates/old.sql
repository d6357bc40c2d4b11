INSERT INTO tags VALUES (20000 + :round, 'old ' || :round);
