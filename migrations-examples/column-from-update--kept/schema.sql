CREATE TABLE "Users" (
    "Id" uuid NOT NULL,
    "E-Mail" text,
    age integer
);
INSERT INTO "Users" SELECT md5(n::text)::uuid, CASE WHEN n % 4 > 0 THEN 'U' || n || '@X.org' END, n % 90 FROM generate_series(1, 2000) n;
