CREATE TABLE "Orders" (code text PRIMARY KEY, note text);
INSERT INTO "Orders" SELECT 'code ' || n, 'note ' || n FROM generate_series(1, 2000) n;
