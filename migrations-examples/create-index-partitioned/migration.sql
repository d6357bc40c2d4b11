CREATE INDEX events_kind ON events (kind);
CREATE INDEX ON events (lower(note), id DESC) INCLUDE (kind) WHERE id > 10;
CREATE UNIQUE INDEX events_once ON events (id, at, kind) WITH (fillfactor = 90);
CREATE INDEX IF NOT EXISTS events_kind ON events (kind);
