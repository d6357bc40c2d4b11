-- The numbers are given in another order; that each row has its own, and what was given stays, is not.
DO $$
BEGIN
    ASSERT (SELECT count(DISTINCT "Number") = count(*) AND count(DISTINCT small) = count(*) FROM "Orders");
    ASSERT (SELECT count(*) = 3 FROM "Orders" WHERE "Number" > 100000);
    ASSERT nextval('"Orders_Number_seq"') > (SELECT max("Number") FROM "Orders" WHERE "Number" < 100000);
END
$$;
ALTER TABLE "Orders" ALTER COLUMN "Number" DROP NOT NULL;
UPDATE "Orders" SET "Number" = NULL WHERE "Number" < 100000;
UPDATE "Orders" SET small = 0;
