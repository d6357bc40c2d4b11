CREATE TABLE users (id bigint PRIMARY KEY, age integer, boss bigint);
INSERT INTO users SELECT n, n % 90, n FROM generate_series(1, 1000) n;
ALTER TABLE users ADD CONSTRAINT not_yet CHECK (age >= 0) NOT VALID;
ALTER TABLE users ADD CONSTRAINT "the Boss" FOREIGN KEY (boss) REFERENCES users (id) NOT VALID;
