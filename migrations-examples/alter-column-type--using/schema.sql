CREATE TABLE settings (
    name text PRIMARY KEY,
    enabled text NOT NULL DEFAULT 'no',
    size text,
    unit text,
    seen integer
);
INSERT INTO settings SELECT 'setting ' || n, CASE WHEN n % 3 = 0 THEN 'yes' ELSE 'no' END,
    CASE WHEN n % 5 > 0 THEN (n % 40)::text ELSE '' END, CASE WHEN n % 2 = 0 THEN 'k' END, 1600000000 + n
    FROM generate_series(1, 1500) n;
CREATE INDEX settings_size ON settings (size, unit);
