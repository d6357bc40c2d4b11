-- A session takes three numbers at once and forgets the rest: which ones depends on who asked before.
UPDATE tickets SET title = title || ' of many' WHERE "Number" > 7000 AND "Number" < 5000000000;
DELETE FROM tickets WHERE "Number" > 7000 AND "Number" < 5000000000;
