ALTER TABLE shops ADD COLUMN region_name text, ADD COLUMN country text, ADD COLUMN sold bigint;
UPDATE shops AS s SET region_name = r.name, country = r.country FROM regions r WHERE r.id = s.region;
UPDATE shops SET (sold) = (SELECT coalesce(sum(amount), 0) FROM sales WHERE sales.shop = shops.id) WHERE open;
ALTER TABLE shops ALTER COLUMN region_name SET NOT NULL;
CREATE INDEX shops_country ON shops (country, region_name);
