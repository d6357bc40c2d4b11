ALTER TABLE "Users" ADD COLUMN mail_lower text, ADD COLUMN adult boolean;
UPDATE "Users" SET mail_lower = lower("E-Mail") WHERE mail_lower IS NULL;
UPDATE "Users" SET adult = true WHERE age >= 18;
CREATE INDEX ON "Users" (mail_lower);
