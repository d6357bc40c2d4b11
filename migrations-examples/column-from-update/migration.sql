ALTER TABLE users ADD COLUMN full_name text;
UPDATE users SET full_name = first || coalesce(' ' || last, '');
ALTER TABLE users DROP COLUMN first;
ALTER TABLE users DROP COLUMN last;
