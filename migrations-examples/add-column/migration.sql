ALTER TABLE users ADD COLUMN nickname text;
ALTER TABLE users
    ADD COLUMN logins integer NOT NULL DEFAULT 0,
    ADD COLUMN "Home Page" varchar(200) COLLATE "C" DEFAULT 'https://example.org/';
ALTER TABLE users ADD COLUMN IF NOT EXISTS email text;
