-- The values are random; that all are there, each once, and none that was given has changed, is not.
DO $$
BEGIN
    ASSERT (SELECT count(DISTINCT token) FROM users) = (SELECT count(*) FROM users);
    ASSERT (SELECT count(*) FROM users WHERE "lucky Number" IS NULL AND id % 10 <> 2 AND id <= 2000) = 0;
    ASSERT (SELECT count(DISTINCT "lucky Number") FROM users WHERE "lucky Number" < 1) > 1000;
END
$$;
ALTER TABLE users ALTER COLUMN token DROP NOT NULL;
UPDATE users SET token = NULL WHERE token::text NOT LIKE '00000000-%';
UPDATE users SET "lucky Number" = 0 WHERE "lucky Number" < 1;
