INSERT INTO "Orders" (code, note) VALUES ('new ' || :round, 'new');
INSERT INTO "Orders" (code, note, "Number") VALUES ('new, given ' || :round, 'new', 100000 + :round);
UPDATE "Orders" SET note = 'new ' || :round WHERE "Number" = (SELECT "Number" FROM "Orders" WHERE code = 'code ' || (20 + :round));
