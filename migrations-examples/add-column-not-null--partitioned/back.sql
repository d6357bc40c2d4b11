-- Which rows were filled depends on how far it got; what was filled stays, and is an ordinary value.
UPDATE users SET nick = lower(name) WHERE nick IS NULL;
