INSERT INTO sales VALUES (2000 + :round, 1);
SELECT id FROM largest;
