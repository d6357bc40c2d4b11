ALTER TABLE "Orders" ALTER COLUMN code TYPE varchar(20);
