ALTER TABLE app.events RENAME TO happenings;
