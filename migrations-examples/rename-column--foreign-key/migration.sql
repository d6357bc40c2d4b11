ALTER TABLE shops RENAME region TO area;
