CREATE TABLE builds (
    id serial PRIMARY KEY,
    rerun_of integer REFERENCES builds (id) ON DELETE SET NULL,
    name text NOT NULL
);
INSERT INTO builds (name, rerun_of) SELECT 'build ' || n, nullif(n / 3, 0) FROM generate_series(1, 1200) n;
CREATE TABLE steps (
    build_id integer NOT NULL REFERENCES builds ON DELETE CASCADE ON UPDATE CASCADE,
    number smallint NOT NULL,
    note text,
    PRIMARY KEY (build_id, number)
);
INSERT INTO steps SELECT n % 1200 + 1, n / 1200, 'step' FROM generate_series(0, 3599) n;
CREATE TABLE logs (
    line integer PRIMARY KEY,
    build_id integer,
    step smallint,
    CONSTRAINT "the Step" FOREIGN KEY (build_id, step) REFERENCES steps (build_id, number) ON UPDATE CASCADE ON DELETE CASCADE
);
INSERT INTO logs SELECT n, n % 1200 + 1, 1 FROM generate_series(1, 2000) n;
CREATE TABLE watchers (
    build integer REFERENCES builds (id) ON DELETE CASCADE,
    who text
);
INSERT INTO watchers SELECT n, 'somebody' FROM generate_series(1, 300) n;
COMMENT ON SEQUENCE builds_id_seq IS 'numbers of builds';
COMMENT ON CONSTRAINT "the Step" ON logs IS 'where it was written';
