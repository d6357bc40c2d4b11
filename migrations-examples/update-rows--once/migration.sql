-- zdm: once using id
UPDATE users SET n = n * 10, email = email || '!' WHERE id <= 12000;
