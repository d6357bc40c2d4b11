ALTER TABLE customers ALTER COLUMN id TYPE bigint;
ALTER TABLE customers ALTER COLUMN code TYPE varchar(20) COLLATE "C";
