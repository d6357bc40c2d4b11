-- zdm: up(contact) coalesce(email, 'name: ' || name)
ALTER TABLE users ADD COLUMN contact text NOT NULL;
