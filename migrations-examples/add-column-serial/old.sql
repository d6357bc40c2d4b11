INSERT INTO "Orders" (code, note) VALUES ('old ' || :round, 'old');
UPDATE "Orders" SET note = 'old ' || :round WHERE code = 'code ' || (10 + :round);
DELETE FROM "Orders" WHERE code = 'code ' || (500 + :round);
