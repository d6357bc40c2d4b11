-- As it stands the statement fails on a table with rows; this is what it means.
ALTER TABLE users ADD COLUMN contact text;
UPDATE users SET contact = coalesce(email, 'name: ' || name);
ALTER TABLE users ALTER COLUMN contact SET NOT NULL;
