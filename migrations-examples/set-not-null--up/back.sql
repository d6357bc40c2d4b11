-- Which rows were filled depends on how far it got; what was filled stays, and is an ordinary value.
UPDATE users SET email = lower(name) || '@example.org' WHERE email IS NULL;
