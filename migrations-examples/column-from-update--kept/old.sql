INSERT INTO "Users" VALUES (md5('old' || :round)::uuid, 'OLD' || :round, 17 + :round);
UPDATE "Users" SET "E-Mail" = 'OLDER' || :round, age = age + 1 WHERE "Id" = md5((10 + :round)::text)::uuid;
