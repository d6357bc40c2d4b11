DROP VIEW adults, old_ones;
ALTER TABLE users DROP COLUMN fax;
CREATE VIEW adults AS SELECT id, name FROM users WHERE age >= 18;
GRANT SELECT ON adults TO "shop app";
