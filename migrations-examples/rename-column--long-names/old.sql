INSERT INTO "The Shop"."Customers of the whole world, in a name of sixty-three bytes ok" VALUES ('old ' || :round, 2000 + :round);
UPDATE "The Shop"."Customers of the whole world, in a name of sixty-three bytes ok"
SET "A column with a name of exactly sixty-three bytes, believe it !" = NULL WHERE "select" % 10 = 1 AND "select" <= 1000;
UPDATE "The Shop"."Customers of the whole world, in a name of sixty-three bytes ok"
SET "A column with a name of exactly sixty-three bytes, believe it !" = 'old ' || :round WHERE "select" = 20 + :round;
