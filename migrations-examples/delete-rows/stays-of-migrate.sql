DELETE FROM visits v WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = v.user_id);
