CREATE TABLE invoices ("Number" bigint PRIMARY KEY, note text);
INSERT INTO invoices SELECT n, 'note ' || n FROM generate_series(1, 300) n;
CREATE TABLE rooms (id integer NOT NULL, name text);
INSERT INTO rooms SELECT n, 'room ' || n FROM generate_series(1, 30) n;
