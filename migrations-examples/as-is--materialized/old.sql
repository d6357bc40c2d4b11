INSERT INTO sales VALUES (1000 + :round, 1);
SELECT n FROM totals;
