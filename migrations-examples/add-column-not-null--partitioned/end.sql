-- The values are random; that all are there, each once, is not.
DO $$
BEGIN
    ASSERT (SELECT count(DISTINCT token) FROM users) = (SELECT count(*) FROM users);
END
$$;
UPDATE users SET token = NULL;
