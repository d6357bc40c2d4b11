INSERT INTO users VALUES (2000 + :round, 'new' || :round, 2, 'New ' || :round, 2000 + :round);
INSERT INTO users VALUES (2100 + :round, 'again', 2, 'Again ' || :round, 2100 + :round)
ON CONFLICT (email) DO UPDATE SET "Login Name" = excluded."Login Name";
