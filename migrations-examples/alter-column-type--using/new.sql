INSERT INTO settings (name, enabled, size, seen) VALUES ('new ' || :round, true, 5, '2020-01-01 00:00:00Z');
INSERT INTO settings (name) VALUES ('new, off ' || :round);
UPDATE settings SET size = size + 1 WHERE name = 'setting 3' || :round;
