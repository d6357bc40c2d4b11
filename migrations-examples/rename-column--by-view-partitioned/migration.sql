-- zdm: strategy view
ALTER TABLE events RENAME COLUMN at TO happened_at;
