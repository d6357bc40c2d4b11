CREATE INDEX events_kind ON "Events of the whole world, a name of exactly sixty-three bytes" ("Kind" text_pattern_ops DESC NULLS LAST, at);
CREATE INDEX events_recent ON "Events of the whole world, a name of exactly sixty-three bytes" (at) INCLUDE ("Kind") WHERE at > '2024-02-01' AND "Kind" <> 'it''s';
CREATE UNIQUE INDEX events_number ON "Events of the whole world, a name of exactly sixty-three bytes" (((payload ->> 'n')::integer)) WITH (fillfactor = 80);
CREATE INDEX CONCURRENTLY events_payload ON "Events of the whole world, a name of exactly sixty-three bytes" USING gin (payload jsonb_path_ops);
CREATE INDEX ON "Events of the whole world, a name of exactly sixty-three bytes" USING gist (place);
CREATE INDEX ON small (note);
CREATE INDEX ON small (lower(note));
CREATE INDEX IF NOT EXISTS there_already ON small (note, id);
