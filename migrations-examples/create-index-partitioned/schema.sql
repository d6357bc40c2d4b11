CREATE TABLE events (id bigint NOT NULL, at date NOT NULL, kind text, note text) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (kind);
CREATE TABLE "Events 2024, mail" PARTITION OF events_2024 FOR VALUES IN ('mail');
CREATE TABLE events_2024_rest PARTITION OF events_2024 DEFAULT;
INSERT INTO events
SELECT n, '2024-06-01'::date + n, CASE n % 3 WHEN 0 THEN 'mail' WHEN 1 THEN 'web' END, 'note ' || n
FROM generate_series(1, 500) n;
CREATE INDEX by_hand ON events_2025 (kind);
