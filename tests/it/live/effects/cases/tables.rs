//! The rarer forms of CREATE TABLE and ALTER TABLE, partitions that come and go, and statements on
//! rows.

use super::{
    CHECK_NN, Case, FK, INDEX, PT_INDEX, VIEW, after, objects::COMPOSITE, objects::PT_TRIGGER,
    objects::RULE, objects::TRIGGER, on,
};

const NEW_PARTITION: &str = "CREATE TABLE x (LIKE pt); \
    INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g";
const ATTACH: &str = "ALTER TABLE pt ATTACH PARTITION x FOR VALUES FROM (10000) TO (20001)";

pub(in crate::live::effects) const CASES: &[Case] = &[
    // CREATE TABLE in its other forms
    on("create-table-as", "CREATE TABLE x AS SELECT id FROM t"),
    on(
        "create-table-as-no-data",
        "CREATE TABLE x AS SELECT id FROM t WITH NO DATA",
    ),
    after(
        "create-table-as-view",
        VIEW,
        "CREATE TABLE x AS SELECT id FROM vw",
    ),
    on(
        "create-table-as-join",
        "CREATE TABLE x AS SELECT t.id FROM t, p WHERE t.id < 0 AND p.x < 0",
    )
    .at_most(),
    on(
        "create-table-as-partitioned",
        "CREATE TABLE x AS SELECT * FROM pt",
    ),
    on(
        "create-table-as-exists",
        "CREATE TABLE IF NOT EXISTS p AS SELECT id FROM t",
    ),
    on("create-temp-table", "CREATE TEMP TABLE x (id int)"),
    on("create-temp-table-shadow", "CREATE TEMP TABLE t (id int)"),
    on("create-unlogged-table", "CREATE UNLOGGED TABLE x (id int)"),
    after(
        "create-table-of",
        "CREATE TYPE ct AS (x int)",
        "CREATE TABLE x OF ct",
    ),
    on(
        "create-table-partitioned",
        "CREATE TABLE x (id int) PARTITION BY RANGE (id)",
    ),
    on(
        "create-table-two-fks",
        "CREATE TABLE x (a int REFERENCES p, b int, FOREIGN KEY (b) REFERENCES t)",
    ),
    after(
        "create-table-fk-partitioned",
        "ALTER TABLE pt ADD PRIMARY KEY (id)",
        "CREATE TABLE x (a int REFERENCES pt)",
    ),
    after(
        "create-table-default-seq",
        "",
        "CREATE TABLE x (id int DEFAULT nextval('sq'))",
    ),
    on(
        "create-table-like-partitioned",
        "CREATE TABLE x (LIKE pt INCLUDING ALL)",
    ),
    after("create-table-like-view", VIEW, "CREATE TABLE x (LIKE vw)"),
    on(
        "create-table-inherits-child",
        "CREATE TABLE x () INHERITS (ch)",
    ),
    on(
        "create-default-partition",
        "CREATE TABLE pd PARTITION OF pt DEFAULT",
    ),
    after(
        "create-partition-implied",
        "CREATE TABLE pd (LIKE pt, CHECK (id IS NOT NULL AND (id < 20000 OR id >= 30000))); \
         ALTER TABLE pt ATTACH PARTITION pd DEFAULT; \
         INSERT INTO pd SELECT g + 50000, 1 FROM generate_series(1, 3000) g",
        "CREATE TABLE x PARTITION OF pt FOR VALUES FROM (20000) TO (30000)",
    ),
    after(
        "create-partition-trigger",
        PT_TRIGGER,
        "CREATE TABLE x PARTITION OF pt FOR VALUES FROM (20000) TO (30000)",
    ),
    after(
        "create-partition-pk",
        "ALTER TABLE pt ADD PRIMARY KEY (id)",
        "CREATE TABLE x PARTITION OF pt FOR VALUES FROM (20000) TO (30000)",
    ),
    after(
        "create-partition-referenced",
        "ALTER TABLE pt ADD PRIMARY KEY (id); ALTER TABLE t ADD CONSTRAINT fp FOREIGN KEY (ref) REFERENCES pt",
        "CREATE TABLE x PARTITION OF pt FOR VALUES FROM (20000) TO (30000)",
    ),
    on(
        "create-partition-sub",
        "CREATE TABLE x PARTITION OF pt FOR VALUES FROM (20000) TO (30000) PARTITION BY LIST (k)",
    ),
    on(
        "create-partition-overlap",
        "CREATE TABLE x PARTITION OF pt FOR VALUES FROM (5) TO (30000)",
    )
    .unforeseen(),
    // ATTACH and DETACH
    after(
        "attach-check-nullable",
        "CREATE TABLE x (LIKE pt, CHECK (id >= 10000 AND id < 20001)); \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-check-nullable-nn",
        "CREATE TABLE x (LIKE pt, CHECK (id >= 10000 AND id < 20001)); ALTER TABLE x ALTER id SET NOT NULL; \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-check-two",
        "CREATE TABLE x (LIKE pt, CHECK (id >= 10000), CHECK (id < 20001)); ALTER TABLE x ALTER id SET NOT NULL; \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-check-narrower",
        "CREATE TABLE x (LIKE pt, CHECK (id >= 10000 AND id < 15000)); ALTER TABLE x ALTER id SET NOT NULL; \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-check-not-valid",
        "CREATE TABLE x (LIKE pt); ALTER TABLE x ALTER id SET NOT NULL; \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g; \
         ALTER TABLE x ADD CONSTRAINT k CHECK (id >= 10000 AND id < 20001) NOT VALID",
        ATTACH,
    ),
    after(
        "attach-default-check",
        "CREATE TABLE pd (LIKE pt); ALTER TABLE pt ATTACH PARTITION pd DEFAULT; \
         INSERT INTO pd SELECT g + 50000, 1 FROM generate_series(1, 3000) g; \
         ALTER TABLE pd ADD CHECK (id IS NOT NULL AND (id < 10000 OR id >= 20001)); \
         CREATE TABLE x (LIKE pt, CHECK (id IS NOT NULL AND id >= 10000 AND id < 20001)); \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-list-check",
        "CREATE TABLE lt (id int, k text NOT NULL) PARTITION BY LIST (k); CREATE TABLE x (LIKE lt, CHECK (k IN ('a'))); \
         INSERT INTO x SELECT g, 'a' FROM generate_series(1, 3000) g",
        "ALTER TABLE lt ATTACH PARTITION x FOR VALUES IN ('a', 'b')",
    ),
    after(
        "attach-default-excluded",
        "CREATE TABLE x (LIKE pt, CHECK (id >= 20000)); ALTER TABLE x ALTER id SET NOT NULL; \
         INSERT INTO x SELECT g + 50000, 1 FROM generate_series(1, 3000) g",
        "ALTER TABLE pt ATTACH PARTITION x DEFAULT",
    ),
    after(
        "attach-fk-same",
        "ALTER TABLE pt ADD CONSTRAINT fk FOREIGN KEY (k) REFERENCES p; \
         CREATE TABLE x (LIKE pt, FOREIGN KEY (k) REFERENCES p, CHECK (id IS NOT NULL AND id >= 10000 AND id < 20001)); \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-as-default",
        NEW_PARTITION,
        "ALTER TABLE pt ATTACH PARTITION x DEFAULT",
    ),
    after(
        "attach-parent-indexed",
        "CREATE INDEX pix ON pt (k); CREATE TABLE x (LIKE pt, CHECK (id IS NOT NULL AND id >= 10000 AND id < 20001)); \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-parent-indexed-matching",
        "CREATE INDEX pix ON pt (k); CREATE TABLE x (LIKE pt, CHECK (id IS NOT NULL AND id >= 10000 AND id < 20001)); \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g; CREATE INDEX xi ON x (k)",
        ATTACH,
    ),
    after(
        "attach-parent-pk",
        "ALTER TABLE pt ADD PRIMARY KEY (id); CREATE TABLE x (LIKE pt, CHECK (id IS NOT NULL AND id >= 10000 AND id < 20001)); \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-fk-matching",
        "ALTER TABLE pt ADD CONSTRAINT fk FOREIGN KEY (k) REFERENCES p; CREATE TABLE x (LIKE pt); \
         INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g; \
         ALTER TABLE x ADD CONSTRAINT fk FOREIGN KEY (k) REFERENCES p",
        ATTACH,
    ),
    // What plans send to partitioned tables
    after(
        "pt-unique-taken-over",
        "ALTER TABLE pt1 ADD CONSTRAINT pt1_id_k_key UNIQUE (id, k)",
        "ALTER TABLE pt ADD UNIQUE (id, k)",
    ),
    after(
        "pt-pk-taken-over",
        "ALTER TABLE pt ALTER id SET NOT NULL; ALTER TABLE pt1 ADD PRIMARY KEY (id)",
        "ALTER TABLE pt ADD PRIMARY KEY (id)",
    ),
    after(
        "pt-unique-other-key",
        "ALTER TABLE pt1 ADD UNIQUE (id, k)",
        "ALTER TABLE pt ADD UNIQUE (k, id)",
    ),
    after(
        "pt-fk-taken-over",
        "ALTER TABLE pt1 ADD CONSTRAINT fk FOREIGN KEY (k) REFERENCES p ON DELETE CASCADE",
        "ALTER TABLE pt ADD CONSTRAINT fk FOREIGN KEY (k) REFERENCES p ON DELETE CASCADE",
    ),
    after(
        "pt-fk-other-action",
        "ALTER TABLE pt1 ADD CONSTRAINT fk FOREIGN KEY (k) REFERENCES p",
        "ALTER TABLE pt ADD CONSTRAINT fk FOREIGN KEY (k) REFERENCES p ON DELETE CASCADE",
    ),
    after(
        "pt-fk-not-valid",
        "",
        "ALTER TABLE pt ADD FOREIGN KEY (k) REFERENCES p NOT VALID",
    )
    .since(18),
    after(
        "pt1-fk-not-valid",
        "",
        "ALTER TABLE pt1 ADD FOREIGN KEY (k) REFERENCES p NOT VALID",
    ),
    after(
        "pt-check-validated-below",
        "ALTER TABLE pt ADD CONSTRAINT ck CHECK (k > 0) NOT VALID; ALTER TABLE pt1 VALIDATE CONSTRAINT ck",
        "ALTER TABLE pt VALIDATE CONSTRAINT ck",
    ),
    after(
        "detach-default-itself",
        "CREATE TABLE pd PARTITION OF pt DEFAULT",
        "ALTER TABLE pt DETACH PARTITION pd CONCURRENTLY",
    ),
    after(
        "attach-trigger",
        "CREATE TRIGGER tg BEFORE INSERT ON pt FOR EACH ROW EXECUTE FUNCTION trg(); CREATE TABLE x (LIKE pt); INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-referenced",
        "ALTER TABLE pt ADD PRIMARY KEY (id); ALTER TABLE t ADD CONSTRAINT fp FOREIGN KEY (ref) REFERENCES pt; \
         CREATE TABLE x (LIKE pt); INSERT INTO x SELECT g + 10000, 1 FROM generate_series(1, 3000) g",
        ATTACH,
    ),
    after(
        "attach-taken",
        "CREATE TABLE x (LIKE pt)",
        "ALTER TABLE pt ATTACH PARTITION x FOR VALUES FROM (5) TO (10)",
    )
    .unforeseen(),
    after(
        "attach-missing",
        "",
        "ALTER TABLE pt ATTACH PARTITION nothing FOR VALUES FROM (10000) TO (20000)",
    ),
    after(
        "detach-indexed",
        PT_INDEX,
        "ALTER TABLE pt DETACH PARTITION pt1",
    ),
    after(
        "detach-referenced",
        "ALTER TABLE pt ADD PRIMARY KEY (id); ALTER TABLE t ADD CONSTRAINT fp FOREIGN KEY (ref) REFERENCES pt NOT VALID; \
         CREATE TABLE x PARTITION OF pt FOR VALUES FROM (20000) TO (30000)",
        "ALTER TABLE pt DETACH PARTITION x",
    ),
    on("detach-missing", "ALTER TABLE pt DETACH PARTITION nothing"),
    // ALTER TABLE, the rarer forms
    after(
        "of-type-before",
        "CREATE TYPE cq AS (id int, x int)",
        "ALTER TABLE p OF cq",
    ),
    after("not-of", COMPOSITE, "ALTER TABLE tt NOT OF"),
    on(
        "set-access-method-default",
        "ALTER TABLE t SET ACCESS METHOD DEFAULT",
    )
    .since(17),
    on("set-unlogged-referenced", "ALTER TABLE p SET UNLOGGED"),
    after("set-unlogged-fk", FK, "ALTER TABLE p SET UNLOGGED"),
    after(
        "set-logged-unlogged",
        "CREATE UNLOGGED TABLE u (id int); INSERT INTO u SELECT generate_series(1, 3000)",
        "ALTER TABLE u SET LOGGED",
    ),
    on(
        "replica-identity-nothing",
        "ALTER TABLE t REPLICA IDENTITY NOTHING",
    ),
    on("no-force-rls", "ALTER TABLE t NO FORCE ROW LEVEL SECURITY"),
    after("disable-rule", RULE, "ALTER TABLE t DISABLE RULE rl"),
    after(
        "enable-always-trigger",
        TRIGGER,
        "ALTER TABLE t ENABLE ALWAYS TRIGGER tg",
    ),
    on("disable-trigger-all", "ALTER TABLE t DISABLE TRIGGER ALL"),
    on(
        "disable-trigger-missing",
        "ALTER TABLE t DISABLE TRIGGER nothing",
    ),
    on(
        "add-fk-set",
        "ALTER TABLE r ADD CONSTRAINT fk FOREIGN KEY (t) REFERENCES t, ADD CONSTRAINT fk2 FOREIGN KEY (t) REFERENCES p",
    ),
    on(
        "two-kinds",
        "ALTER TABLE t ADD COLUMN z int, SET (fillfactor = 80)",
    ),
    on(
        "weak-and-weaker",
        "ALTER TABLE t ALTER a SET STATISTICS 5, SET (fillfactor = 80)",
    ),
    after(
        "validate-and-drop",
        CHECK_NN,
        "ALTER TABLE t DROP CONSTRAINT ck, ADD CONSTRAINT ck2 CHECK (nn > 0)",
    ),
    on(
        "set-tablespace-partitioned",
        "ALTER TABLE pt SET TABLESPACE pg_default",
    ),
    after(
        "alter-index-tablespace",
        INDEX,
        "ALTER INDEX ix SET TABLESPACE pg_default",
    )
    .at_most(),
    after(
        "alter-index-depends",
        INDEX,
        "ALTER INDEX ix DEPENDS ON EXTENSION plpgsql",
    ),
    after(
        "alter-index-reset",
        INDEX,
        "ALTER INDEX ix RESET (fillfactor)",
    ),
    after("alter-index-missing", "", "ALTER INDEX nothing RENAME TO x"),
    // Rows
    on("select-parent", "SELECT count(*) FROM base WHERE a < 0"),
    on("copy-to", "COPY t TO '/dev/null'"),
    on(
        "merge",
        "MERGE INTO p USING t ON p.id = t.id WHEN MATCHED THEN UPDATE SET x = 1",
    )
    .since(15),
    on(
        "insert-on-conflict",
        "INSERT INTO p SELECT id, 1 FROM t ON CONFLICT DO NOTHING",
    ),
    on("delete-using", "DELETE FROM p USING t WHERE p.id = t.id"),
    after("delete-fk", FK, "DELETE FROM t"),
    on("insert-parent", "INSERT INTO base VALUES (1, 'x')"),
    on("delete-parent", "DELETE FROM base"),
    on("update-only", "UPDATE ONLY base SET a = 1").at_most(),
    on(
        "with-insert",
        "WITH d AS (DELETE FROM p RETURNING *) INSERT INTO r SELECT id + 100000, x FROM d",
    )
    .at_most(),
    on("table", "TABLE t"),
];
