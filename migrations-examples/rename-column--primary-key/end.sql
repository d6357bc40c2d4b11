-- Which number the sequence gave depends on who asked before; that it gave one does not.
UPDATE accounts SET account_id = 60000 + right(label, 1)::integer WHERE label LIKE 'new, numbered %';
