-- The numbers are given in another order; that each row has its own, and the next is free, is not.
DO $$
DECLARE
    next integer;
BEGIN
    ASSERT (SELECT count(DISTINCT id) = count(*) FROM items);
    ASSERT (SELECT count(DISTINCT number) = count(*) AND bool_and(number < 10 OR number % 10 = 0) FROM tickets);
    ASSERT nextval('items_id_seq') > (SELECT max(id) FROM items);
    next := nextval('tickets_number_seq');
    ASSERT next > (SELECT max(number) FROM tickets) AND next % 10 = 0;
END
$$;
ALTER TABLE items DROP COLUMN id;
UPDATE tickets SET number = 0 WHERE number >= 1000;
