INSERT INTO users (id, name, nickname, logins) VALUES (2000 + :round, 'new ' || :round, 'n', :round);
INSERT INTO users (id, name) VALUES (2100 + :round, 'new, by default ' || :round);
UPDATE users SET logins = logins + 1, "Home Page" = NULL WHERE id % 10 = 2 AND id <= 1000;
