INSERT INTO "People" ("Name", age) VALUES ('new ' || :round, 2000 + :round) RETURNING id;
INSERT INTO "People" AS p (age) VALUES (3000 + :round) ON CONFLICT (id) DO NOTHING;
UPDATE "People" SET age = age + 1 WHERE id = 500 + :round;
DELETE FROM "People" WHERE id = 700 + :round;
SELECT * FROM adults;
