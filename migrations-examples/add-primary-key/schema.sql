CREATE TABLE "Events" (source text, "Number" integer, at timestamptz, payload text);
INSERT INTO "Events" SELECT 'source ' || n % 7, n, now(), 'event ' || n FROM generate_series(1, 2000) n;
CREATE TABLE seats (hall integer NOT NULL, seat integer NOT NULL, guest text);
INSERT INTO seats SELECT n / 50, n % 50, 'guest ' || n FROM generate_series(1, 500) n;
