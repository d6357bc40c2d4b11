INSERT INTO users (id, name, legacy_code, "Team") VALUES (1000 + :round, 'old ' || :round, 'old ' || :round, :round);
UPDATE users SET legacy_code = 'old' || id || '-' || :round, flags = :round WHERE id % 10 = 1 AND id <= 1000;
SELECT legacy_code, "Team", counter, flags FROM users WHERE id = 1;
