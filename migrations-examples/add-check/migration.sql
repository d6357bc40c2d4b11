ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0);
ALTER TABLE orders ADD CHECK (discount <= amount);
ALTER TABLE orders ADD CHECK ("State" IN ('new', 'it''s paid', 'done')) NO INHERIT;
ALTER TABLE orders ADD CONSTRAINT "small enough" CHECK (amount < 100000) NOT VALID;
COMMENT ON CONSTRAINT amount_positive ON orders IS 'nobody pays less than nothing';
