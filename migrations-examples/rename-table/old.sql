INSERT INTO "Users" (age) VALUES (1000 + :round);
UPDATE "Users" SET "Name" = 'old ' || :round WHERE id = 10 + :round;
INSERT INTO visits VALUES (:round + 1);
SELECT * FROM adults;
