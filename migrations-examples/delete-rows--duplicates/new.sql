INSERT INTO tags VALUES (30000 + :round, 'new ' || :round);
