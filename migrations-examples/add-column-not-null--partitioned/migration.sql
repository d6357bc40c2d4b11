-- zdm: up(contact) coalesce(email, 'name: ' || name)
ALTER TABLE users ADD COLUMN contact text NOT NULL;
ALTER TABLE users ADD COLUMN token uuid DEFAULT gen_random_uuid();
-- zdm: up(nick) lower(name)
ALTER TABLE users ALTER COLUMN nick SET NOT NULL;
