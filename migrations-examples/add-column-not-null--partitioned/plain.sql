ALTER TABLE users ADD COLUMN contact text;
UPDATE users SET contact = coalesce(email, 'name: ' || name);
ALTER TABLE users ALTER COLUMN contact SET NOT NULL;
ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();
UPDATE users SET nick = lower(name) WHERE nick IS NULL;
ALTER TABLE users ALTER COLUMN nick SET NOT NULL;
