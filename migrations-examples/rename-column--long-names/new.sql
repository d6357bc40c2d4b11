INSERT INTO "The Shop"."Customers of the whole world, in a name of sixty-three bytes ok" ("select", "A column with a name of exactly sixty-three bytes, a quote "" it") VALUES (3000 + :round, 'new ' || :round);
UPDATE "The Shop"."Customers of the whole world, in a name of sixty-three bytes ok"
SET "A column with a name of exactly sixty-three bytes, a quote "" it" = NULL WHERE "select" % 10 = 2 AND "select" BETWEEN 100 AND 1000;
