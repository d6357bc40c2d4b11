CREATE TABLE events (
    id bigint NOT NULL,
    at date NOT NULL,
    kind text,
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE INDEX ON events (kind, at);
INSERT INTO events SELECT n, DATE '2024-06-01' + n, 'kind ' || n % 7 FROM generate_series(1, 400) n;
