INSERT INTO "Users" ("Id", "E-Mail", age, mail_lower, adult) VALUES (md5('new' || :round)::uuid, 'NEW', 20, 'given', false);
UPDATE "Users" SET mail_lower = 'changed', adult = NULL WHERE "Id" = md5((20 + :round)::text)::uuid;
