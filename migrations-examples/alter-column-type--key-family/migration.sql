ALTER TABLE logs ALTER COLUMN build_id TYPE bigint;
ALTER TABLE steps ALTER COLUMN build_id TYPE bigint;
ALTER TABLE builds
    ALTER COLUMN id TYPE bigint,
    ALTER COLUMN rerun_of TYPE bigint;
