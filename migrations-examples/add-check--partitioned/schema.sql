CREATE TABLE readings (sensor integer NOT NULL, value numeric) PARTITION BY HASH (sensor);
CREATE TABLE readings_0 PARTITION OF readings FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE readings_1 PARTITION OF readings FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO readings SELECT n, n FROM generate_series(1, 300) n;
