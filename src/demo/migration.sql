ALTER TABLE users RENAME COLUMN name TO full_name;
CREATE INDEX users_full_name_lower_idx ON users (lower(full_name));
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
ALTER TABLE users ADD CONSTRAINT users_team_id_fkey FOREIGN KEY (team_id) REFERENCES teams (id);
