DROP VIEW adults;
DROP TABLE visits;
ALTER TABLE users DROP CONSTRAINT age_sane, DROP CONSTRAINT users_name;
ALTER TABLE users RENAME CONSTRAINT old_name TO id_positive;
REVOKE INSERT ON users FROM "shop app";
