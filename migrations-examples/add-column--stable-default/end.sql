-- When each ran is different; that every row has a value, and old rows the same one, is not.
DO $$
BEGIN
    ASSERT (SELECT count(DISTINCT seen) FROM users WHERE id <= 1000) = 1;
    ASSERT (SELECT count(*) FROM users WHERE seen IS NULL) = 0;
END
$$;
UPDATE users SET seen = '-infinity' WHERE seen > '2000-01-01';
