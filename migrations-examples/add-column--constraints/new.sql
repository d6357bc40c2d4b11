INSERT INTO users (id, name, plan_id, handle, age, boss)
VALUES (2000 + :round, 'new ' || :round, :round, 'new' || :round, 17 + :round, 1);
UPDATE users SET plan_id = 3, age = 18, boss = id WHERE id % 10 = 2 AND id <= 1000;
