DROP VIEW adults;
ALTER TABLE users RENAME COLUMN name TO full_name;
CREATE VIEW adults AS SELECT id, full_name FROM users WHERE age >= 18;
