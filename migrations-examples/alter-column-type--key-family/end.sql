-- Which number the sequence gave depends on who asked before; that it gave one does not.
UPDATE builds SET id = 70000 + right(name, 1)::integer + CASE WHEN name LIKE 'new%' THEN 100 ELSE 0 END WHERE name LIKE '%, numbered %';
