INSERT INTO log SELECT email, n FROM users WHERE id <= 12000;
