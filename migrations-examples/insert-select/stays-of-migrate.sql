INSERT INTO contacts (user_id, address, kind)
SELECT u.id, lower(u.email), u.status FROM users AS u WHERE u.status IS NOT NULL AND u.id <= 12000
ON CONFLICT (user_id) DO NOTHING;
