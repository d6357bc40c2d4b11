-- The values that the trigger and the fill gave are ordinary values now.
UPDATE users SET email = lower(name) || '@example.org' WHERE email IS NULL;
