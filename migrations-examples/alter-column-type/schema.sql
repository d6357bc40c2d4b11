CREATE TABLE readings (
    id bigint PRIMARY KEY,
    amount integer NOT NULL DEFAULT 0 CONSTRAINT "not Negative" CHECK (amount >= 0),
    unit text
);
INSERT INTO readings SELECT n, n * 7 % 1000, 'ml' FROM generate_series(1, 2000) n;
CREATE INDEX readings_amount ON readings (amount DESC) INCLUDE (unit) WHERE amount > 10;
CREATE UNIQUE INDEX "readings of one Unit" ON readings ((amount + 1), id);
COMMENT ON COLUMN readings.amount IS 'how much';
COMMENT ON INDEX readings_amount IS 'the largest first';
