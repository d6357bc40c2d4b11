-- As it stands the statement fails while a row holds NULL; this is what it means.
UPDATE users SET email = lower(name) || '@example.org' WHERE email IS NULL;
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
