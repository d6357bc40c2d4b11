DELETE FROM visits v WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = v.user_id);
ALTER TABLE visits ADD CONSTRAINT visits_user FOREIGN KEY (user_id) REFERENCES users;
DELETE FROM users USING visits WHERE visits.user_id = users.id AND visits.id < 0;
DELETE FROM users WHERE status IS NULL AND id > 12000;
