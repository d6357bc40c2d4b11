-- zdm: up(email) lower(name) || '@example.org'
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
