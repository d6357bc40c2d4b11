CREATE TABLE items (name text NOT NULL, price numeric);
INSERT INTO items SELECT 'item ' || n, n FROM generate_series(1, 2000) n;
CREATE TABLE tickets (code text PRIMARY KEY, note text);
INSERT INTO tickets SELECT 'code ' || n, 'note' FROM generate_series(1, 300) n;
