INSERT INTO users (id, name) VALUES (3000 + :round, 'old ' || :round);
INSERT INTO users (id) VALUES (3100 + :round);
INSERT INTO users (id, name) VALUES (3200, 'old, once more') ON CONFLICT (id) DO UPDATE SET name = excluded.name || ' ' || :round;
UPDATE users SET name = 'older ' || :round || '-' || id WHERE id % 10 = 1 AND id <= 2000;
UPDATE users SET email = 'mail' || id, id = id + 10000 WHERE id = 400 + :round;
DELETE FROM users WHERE id = 500 + :round;
DO $$
BEGIN
    ASSERT (SELECT name FROM users WHERE id = 3000 + :round) = 'old ' || :round;
    ASSERT (SELECT loud FROM names WHERE id = 3000 + :round) = 'OLD ' || :round;
    ASSERT NOT EXISTS (SELECT FROM users WHERE id BETWEEN 4000 AND 4099 AND name NOT LIKE 'new %');
END
$$;
