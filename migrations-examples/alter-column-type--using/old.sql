INSERT INTO settings (name) VALUES ('old ' || :round) ON CONFLICT DO NOTHING;
UPDATE settings SET unit = 'k' WHERE name LIKE 'setting 1_' || :round;
DELETE FROM settings WHERE name = 'setting 70' || :round;
