CREATE SCHEMA "The Shop";
CREATE TABLE "The Shop"."Customers of the whole world, in a name of sixty-three bytes ok" (
    "A column with a name of exactly sixty-three bytes, believe it !" text,
    "select" integer,
    CONSTRAINT "A constraint with a name of exactly sixty-three bytes, honestly" CHECK ("A column with a name of exactly sixty-three bytes, believe it !" <> '$zdm$ '' "A column"')
);
INSERT INTO "The Shop"."Customers of the whole world, in a name of sixty-three bytes ok"
SELECT CASE WHEN n % 5 > 0 THEN 'value ' || n END, n FROM generate_series(1, 1000) n;
CREATE INDEX "An index with a name of exactly sixty-three bytes, as long as o" ON "The Shop"."Customers of the whole world, in a name of sixty-three bytes ok" ("A column with a name of exactly sixty-three bytes, believe it !", "select");
