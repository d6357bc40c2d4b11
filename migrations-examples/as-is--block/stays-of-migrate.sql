UPDATE settings SET value = trim(value);
DELETE FROM tags WHERE id > 45;
