CREATE TABLE regions (code text PRIMARY KEY, name text);
INSERT INTO regions SELECT 'r' || n, 'Region ' || n FROM generate_series(0, 9) n;
CREATE TABLE shops (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    region text NOT NULL,
    number integer NOT NULL,
    near uuid,
    UNIQUE (region, number),
    FOREIGN KEY (region) REFERENCES regions (code) ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
);
ALTER TABLE shops REPLICA IDENTITY USING INDEX shops_region_number_key;
INSERT INTO shops SELECT md5(n::text)::uuid, 'r' || n % 10, n, NULL FROM generate_series(1, 1000) n;
CREATE TABLE sales (
    at integer,
    region text,
    number integer,
    CONSTRAINT sales_shop FOREIGN KEY (region, number) REFERENCES shops (region, number) MATCH FULL ON DELETE CASCADE
);
INSERT INTO sales SELECT n, 'r' || n % 10, n FROM generate_series(1, 1000) n;
