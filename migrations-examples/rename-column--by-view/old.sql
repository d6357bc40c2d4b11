INSERT INTO "Users" (id, name, age) VALUES (2000 + :round, 'old ' || :round, 1000 + :round) RETURNING id;
INSERT INTO "Users" (id, age) VALUES (2100 + :round, 1100 + :round) ON CONFLICT DO NOTHING;
INSERT INTO "Users" (id, name, age) VALUES (2200, 'user 7', 7) ON CONFLICT (name) DO UPDATE SET age = "Users".age + excluded.age;
UPDATE "Users" SET name = 'older ' || :round WHERE id = 10 + :round;
UPDATE "Users" SET name = NULL WHERE id = 20 + :round;
DELETE FROM "Users" WHERE id = 300 + :round;
INSERT INTO visits VALUES (:round + 1);
SELECT * FROM adults;
SET ROLE "shop app";
UPDATE "Users" SET name = 'of the shop ' || :round WHERE name = 'user ' || (40 + :round);
RESET ROLE;
DO $$
BEGIN
    ASSERT (SELECT age FROM "Users" WHERE name = 'older ' || :round) = 10 + :round;
END
$$;
UPDATE "Users" SET note = 'written' WHERE id = 900 + :round;
UPDATE "Users" SET note = DEFAULT WHERE id IN (899 + :round, 800);
