ALTER TABLE readings ADD CHECK (value >= 0);
ALTER TABLE readings_1 ADD CONSTRAINT small CHECK (value < 1000000);
