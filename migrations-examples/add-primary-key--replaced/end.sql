-- The numbers are given in another order; that each row has its own, and the next is free, is not.
DO $$
BEGIN
    ASSERT (SELECT count(DISTINCT id) = count(*) FROM logs);
    ASSERT nextval('logs_id_seq') > (SELECT max(id) FROM logs);
END
$$;
ALTER TABLE logs DROP COLUMN id;
