-- Version 1 of the journal. {schema} is its schema, which exists and is owned by the role.
-- What is written here is never changed once it is released; later versions add to it.

CREATE TABLE {schema}.meta (
    one_row boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    journal_version integer NOT NULL,
    zdm_version text NOT NULL,
    system_identifier text,
    database_oid bigint NOT NULL,
    database_name text NOT NULL,
    adopted text,
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE {schema}.meta IS 'zdm: which journal this is, and of which database';

CREATE TABLE {schema}.migrations (
    id text PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    source text NOT NULL,
    state text NOT NULL CHECK (state IN (
        'pending', 'queued', 'expanding', 'expanded', 'migrating', 'migrated', 'contracting', 'done',
        'rolling_back', 'rolled_back', 'adopted', 'failed')),
    plan jsonb,
    out_of_order boolean NOT NULL DEFAULT false,
    started_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    finished_at timestamptz
);
COMMENT ON TABLE {schema}.migrations IS 'zdm: each migration that was started, with its text and its plan';

-- Where each phase began and ended: time and WAL position for point-in-time recovery, and what the
-- relations looked like at its end.
CREATE TABLE {schema}.boundaries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id text NOT NULL REFERENCES {schema}.migrations (id) ON DELETE CASCADE,
    phase text NOT NULL,
    edge text NOT NULL CHECK (edge IN ('started', 'done', 'undone')),
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    wal pg_lsn NOT NULL,
    fingerprints jsonb
);

CREATE TABLE {schema}.steps (
    migration_id text NOT NULL REFERENCES {schema}.migrations (id) ON DELETE CASCADE,
    step_id text NOT NULL,
    ordinal integer NOT NULL,
    phase text NOT NULL,
    kind text NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'done', 'undone', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    started_at timestamptz,
    finished_at timestamptz,
    error text,
    PRIMARY KEY (migration_id, step_id)
);

-- How far each backfill is: everything below "block", and of the window that begins there the
-- passes below "pass", is done in the files of "filenode".
CREATE TABLE {schema}.backfills (
    migration_id text NOT NULL,
    step_id text NOT NULL,
    relation text NOT NULL,
    filenode bigint NOT NULL,
    end_block bigint NOT NULL,
    block bigint NOT NULL,
    window_pages integer NOT NULL,
    passes integer NOT NULL,
    pass integer NOT NULL,
    rows_done bigint NOT NULL,
    rows_total bigint NOT NULL,
    last_xid text,
    done boolean NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (migration_id, step_id, relation),
    FOREIGN KEY (migration_id, step_id) REFERENCES {schema}.steps (migration_id, step_id) ON DELETE CASCADE
) WITH (fillfactor = 50);

-- Who may go on with a migration. A row stays when it is released, so that its token only grows.
CREATE TABLE {schema}.leases (
    migration_id text PRIMARY KEY,
    token bigint NOT NULL,
    holder text,
    pid integer,
    backend_start text,
    pooled boolean NOT NULL DEFAULT false,
    acquired_at timestamptz,
    heartbeat_at timestamptz,
    expires_at timestamptz
) WITH (fillfactor = 50);

CREATE TABLE {schema}.events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id text NOT NULL,
    step_id text,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    event jsonb NOT NULL
);
COMMENT ON TABLE {schema}.events IS 'zdm: what happened, only ever added to';

-- True while the lease is ours, an error otherwise. Every write of the journal asks it, in its own
-- transaction: the row lock is weak enough for a heartbeat, but whoever takes the lease over waits
-- for it, so that nothing written under an old token is committed after that.
CREATE FUNCTION {schema}.fence(migration text, held bigint) RETURNS boolean
LANGUAGE plpgsql
AS $fence$
BEGIN
    PERFORM FROM {schema}.leases AS l
    WHERE l.migration_id = migration AND l.token = held AND l.holder IS NOT NULL
    FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'token % is not the present one', held
            USING ERRCODE = 'ZD001', DETAIL = migration;
    END IF;
    RETURN true;
END
$fence$;

CREATE VIEW {schema}.schema_version AS
SELECT id AS version, name, coalesce(finished_at, changed_at) AS applied_at
FROM {schema}.migrations
WHERE state IN ('done', 'adopted');
COMMENT ON VIEW {schema}.schema_version IS 'zdm: the migrations that are through, for applications and scripts';

REVOKE ALL ON SCHEMA {schema} FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM PUBLIC;
REVOKE ALL ON ALL ROUTINES IN SCHEMA {schema} FROM PUBLIC;
