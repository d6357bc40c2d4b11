CREATE TABLE "Events of the whole world, a name of exactly sixty-three bytes" (
    id uuid PRIMARY KEY,
    "Kind" text NOT NULL,
    at timestamptz NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    place point
);
INSERT INTO "Events of the whole world, a name of exactly sixty-three bytes"
SELECT md5(n::text)::uuid, 'kind ' || n % 5, '2024-01-01'::timestamptz + n * interval '1 hour', jsonb_build_object('n', n), point(n, -n)
FROM generate_series(1, 1000) n;
CREATE TABLE small (id integer PRIMARY KEY, note text);
CREATE INDEX small_note_idx ON small (note);
CREATE INDEX there_already ON small (note, id);
