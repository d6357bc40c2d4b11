CREATE TABLE regions (id integer PRIMARY KEY, name text NOT NULL, country text);
INSERT INTO regions SELECT n, 'region ' || n, nullif('country ' || n % 3, 'country 0') FROM generate_series(1, 20) n;
CREATE TABLE shops (id bigint PRIMARY KEY, region integer NOT NULL REFERENCES regions, open boolean NOT NULL DEFAULT true);
INSERT INTO shops SELECT n, n % 20 + 1, n % 7 > 0 FROM generate_series(1, 3000) n;
CREATE TABLE sales (shop bigint NOT NULL REFERENCES shops, amount integer NOT NULL);
INSERT INTO sales SELECT n % 3000 + 1, n FROM generate_series(1, 6000) n;
