INSERT INTO users (id, "full Name") VALUES (4000 + :round, 'new ' || :round);
INSERT INTO users (id) VALUES (4100 + :round);
UPDATE users SET "full Name" = 'newer ' || :round || '-' || id WHERE id % 10 = 2 AND id <= 2000;
UPDATE users SET "full Name" = 'newest ' || :round WHERE id = 3001;
UPDATE users SET email = NULL WHERE id = 700 + :round;
DO $$
BEGIN
    ASSERT (SELECT "full Name" FROM users WHERE id = 4000 + :round) = 'new ' || :round;
    ASSERT NOT EXISTS (SELECT FROM users WHERE id IN (3002, 3004) AND "full Name" NOT LIKE 'old %');
END
$$;
