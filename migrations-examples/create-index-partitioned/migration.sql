CREATE INDEX events_kind ON events (kind);
CREATE INDEX ON events (lower(note), id DESC) INCLUDE (kind) WHERE id > 10;
CREATE UNIQUE INDEX events_once ON events (id, at, kind) WITH (fillfactor = 90);
CREATE INDEX IF NOT EXISTS events_kind ON events (kind);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
