ALTER TABLE "Orders" ADD COLUMN "Number" serial UNIQUE;
ALTER TABLE "Orders" ADD COLUMN small smallserial;
