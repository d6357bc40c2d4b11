//! Corners: where a statement reaches further than its words, costs less than its words, or is
//! refused.

use super::{Case, after, on};

const PART_KEY: &str = "ALTER TABLE pt ADD PRIMARY KEY (id)";
const GENERATED: &str = "ALTER TABLE t ADD g int GENERATED ALWAYS AS (a + 1) STORED";
const VIRTUAL: &str = "ALTER TABLE t ADD g int GENERATED ALWAYS AS (a + 1) VIRTUAL";
const LENGTH: &str = "CREATE DOMAIN d1 AS varchar(10); CREATE DOMAIN d2 AS d1; \
    CREATE TABLE x (id int PRIMARY KEY, d d2, v varchar(10)); \
    INSERT INTO x SELECT g, 'a', 'b' FROM generate_series(1, 3000) g";
const INTERVALS: &str = "CREATE TABLE x (y interval year, m interval day to minute, \
    s interval day to second(3), p interval(3)); \
    INSERT INTO x SELECT '1 year', '1 day', '1 day', '1 day' FROM generate_series(1, 3000) g";
const TIMES: &str = "CREATE TABLE x (a timestamp(0), b timestamptz(3)); \
    INSERT INTO x SELECT now(), now() FROM generate_series(1, 3000) g";
const ENUM_VIEW: &str = "CREATE VIEW vw AS SELECT e FROM t; CREATE INDEX ix ON t (e)";
const IDENTITY_PARTS: &str = "CREATE TABLE ip (id int GENERATED ALWAYS AS IDENTITY, k int) \
    PARTITION BY RANGE (id); CREATE TABLE ip1 PARTITION OF ip FOR VALUES FROM (0) TO (10000)";
const NULLS: &str = "CREATE TABLE lt (id int, k text) PARTITION BY LIST (k); \
    CREATE TABLE x (id int, k text CHECK (k IS NULL)); \
    INSERT INTO x SELECT g FROM generate_series(1, 3000) g";
const TWO_PARENTS: &str =
    "CREATE TABLE other (a int); CREATE TABLE both_ () INHERITS (base, other)";
const UNIQUE_REFERENCED: &str = "CREATE TABLE q (id int); CREATE UNIQUE INDEX u ON q (id); \
    CREATE TABLE c (r int REFERENCES q (id))";
/// A foreign key between two tables with children of their own, which it does not concern.
const INHERITED_KEY: &str = "CREATE TABLE ref (id int PRIMARY KEY); CREATE TABLE refch () INHERITS (ref); \
    INSERT INTO ref SELECT g FROM generate_series(1, 3000) g; \
    INSERT INTO refch SELECT g FROM generate_series(4001, 7000) g; \
    CREATE TABLE fk (r int REFERENCES ref, n int); CREATE TABLE fkch () INHERITS (fk); \
    INSERT INTO fk SELECT g, g FROM generate_series(1, 3000) g; \
    INSERT INTO fkch SELECT g, g FROM generate_series(1, 3000) g; \
    ALTER TABLE fk ADD CONSTRAINT later FOREIGN KEY (n) REFERENCES ref NOT VALID";
const FOREIGN: &str = "DROP FOREIGN DATA WRAPPER IF EXISTS w CASCADE; CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; \
    CREATE FOREIGN TABLE ft (a int, b text) SERVER s";
const VIEW: &str = "CREATE VIEW vw AS SELECT id, a FROM t";

pub(in crate::live::effects) const CASES: &[Case] = &[
    // Foreign tables
    after(
        "foreign-set-not-null",
        FOREIGN,
        "ALTER TABLE ft ALTER a SET NOT NULL",
    ),
    after(
        "foreign-check",
        FOREIGN,
        "ALTER FOREIGN TABLE ft ADD CHECK (a > 0)",
    ),
    after(
        "foreign-type",
        FOREIGN,
        "ALTER TABLE ft ALTER a TYPE bigint",
    ),
    after(
        "foreign-add-column",
        FOREIGN,
        "ALTER FOREIGN TABLE ft ADD c int DEFAULT random()",
    ),
    after("foreign-drop", FOREIGN, "DROP FOREIGN TABLE ft"),
    // Inheritance and foreign keys
    after(
        "inherited-add-fk",
        INHERITED_KEY,
        "ALTER TABLE fk ADD FOREIGN KEY (n) REFERENCES ref",
    ),
    after(
        "inherited-add-fk-column",
        INHERITED_KEY,
        "ALTER TABLE fk ADD m int REFERENCES ref",
    ),
    after(
        "inherited-validate-fk",
        INHERITED_KEY,
        "ALTER TABLE fk VALIDATE CONSTRAINT later",
    ),
    after(
        "inherited-drop-fk",
        INHERITED_KEY,
        "ALTER TABLE fk DROP CONSTRAINT later",
    ),
    after(
        "inherited-drop-fk-column",
        INHERITED_KEY,
        "ALTER TABLE fk DROP COLUMN r",
    ),
    after(
        "inherited-drop-key",
        INHERITED_KEY,
        "ALTER TABLE ref DROP CONSTRAINT ref_pkey CASCADE",
    ),
    after(
        "inherited-fk-in-create",
        INHERITED_KEY,
        "CREATE TABLE y (r int REFERENCES ref)",
    ),
    after(
        "inherited-drop-referencing",
        INHERITED_KEY,
        "DROP TABLE fkch, fk",
    ),
    after(
        "inherited-drop-referenced",
        INHERITED_KEY,
        "DROP TABLE refch, ref CASCADE",
    ),
    // Types
    after(
        "domain-loses-length",
        LENGTH,
        "ALTER TABLE x ALTER d TYPE varchar(10)",
    ),
    after(
        "domain-to-its-base-domain",
        LENGTH,
        "ALTER TABLE x ALTER d TYPE d1",
    ),
    after("domain-to-text", LENGTH, "ALTER TABLE x ALTER d TYPE text"),
    after("varchar-to-domain", LENGTH, "ALTER TABLE x ALTER v TYPE d1"),
    after(
        "interval-more-fields",
        INTERVALS,
        "ALTER TABLE x ALTER y TYPE interval year to month",
    ),
    after(
        "interval-all-fields",
        INTERVALS,
        "ALTER TABLE x ALTER m TYPE interval",
    ),
    after(
        "interval-fewer-fields",
        INTERVALS,
        "ALTER TABLE x ALTER m TYPE interval hour",
    ),
    after(
        "interval-more-digits",
        INTERVALS,
        "ALTER TABLE x ALTER s TYPE interval day to second(4)",
    ),
    after(
        "interval-fewer-digits",
        INTERVALS,
        "ALTER TABLE x ALTER s TYPE interval(2)",
    ),
    after(
        "interval-to-seconds",
        INTERVALS,
        "ALTER TABLE x ALTER p TYPE interval second",
    ),
    after(
        "timestamptz-with-precision",
        TIMES,
        "ALTER TABLE x ALTER a TYPE timestamptz(3)",
    ),
    after(
        "timestamptz-without-precision",
        TIMES,
        "ALTER TABLE x ALTER a TYPE timestamptz",
    ),
    after(
        "timestamp-same-precision",
        TIMES,
        "ALTER TABLE x ALTER b TYPE timestamp(3)",
    ),
    after("virtual-type", VIRTUAL, "ALTER TABLE t ALTER g TYPE bigint").since(18),
    on(
        "type-only-of-parent",
        "ALTER TABLE ONLY base ALTER b TYPE varchar",
    ),
    after(
        "type-of-partial-partitioned-index",
        "CREATE INDEX pe ON pt (lower(v))",
        "ALTER TABLE pt ALTER v TYPE varchar(20)",
    ),
    // Generated and identity columns
    on(
        "addcol-virtual-not-null",
        "ALTER TABLE t ADD g int GENERATED ALWAYS AS (nn) VIRTUAL NOT NULL",
    )
    .since(18),
    after(
        "dropcol-of-generated",
        GENERATED,
        "ALTER TABLE t DROP COLUMN a",
    ),
    after(
        "dropcol-of-generated-cascade",
        "ALTER TABLE t ADD g int GENERATED ALWAYS AS (a + 1) STORED; CREATE INDEX gi ON t (g)",
        "ALTER TABLE t DROP COLUMN a CASCADE",
    ),
    after(
        "dropcol-with-generated",
        GENERATED,
        "ALTER TABLE t DROP COLUMN g, DROP COLUMN a",
    ),
    after("virtual-indexed", VIRTUAL, "CREATE INDEX gi ON t (g)").since(18),
    after(
        "virtual-set-expression-checked",
        "ALTER TABLE t ADD g int GENERATED ALWAYS AS (a + 1) VIRTUAL, ADD CHECK (a > 0)",
        "ALTER TABLE t ALTER g SET EXPRESSION AS (a)",
    )
    .since(18),
    after(
        "identity-of-partitioned",
        IDENTITY_PARTS,
        "ALTER TABLE ip ALTER id SET GENERATED BY DEFAULT",
    )
    .since(17),
    after(
        "identity-dropped-of-partitioned",
        IDENTITY_PARTS,
        "ALTER TABLE ip ALTER id DROP IDENTITY",
    )
    .since(17),
    after(
        "identity-restart",
        "ALTER TABLE t ALTER nn ADD GENERATED BY DEFAULT AS IDENTITY",
        "ALTER TABLE t ALTER nn SET GENERATED ALWAYS RESTART WITH 9000",
    ),
    // Columns that come and go
    on("dropcol-only-parent", "ALTER TABLE ONLY base DROP COLUMN b"),
    on(
        "dropcol-and-addcol",
        "ALTER TABLE t DROP COLUMN a, ADD COLUMN a bigint",
    ),
    after(
        "rename-col-of-two-parents",
        TWO_PARENTS,
        "ALTER TABLE base RENAME a TO z",
    ),
    on("rename-inherited-col", "ALTER TABLE ch RENAME a TO z"),
    on(
        "partition-drop-not-null",
        "ALTER TABLE pt1 ALTER k DROP NOT NULL",
    ),
    on("key-drop-not-null", "ALTER TABLE t ALTER id DROP NOT NULL"),
    on("rename-col-to-taken", "ALTER TABLE t RENAME a TO nn"),
    on("index-on-no-column", "CREATE INDEX i ON t (nothing)"),
    on("unique-on-no-column", "ALTER TABLE t ADD UNIQUE (nothing)"),
    on(
        "unique-on-new-column",
        "ALTER TABLE t ADD COLUMN z int, ADD UNIQUE (z)",
    ),
    on(
        "fk-from-no-column",
        "ALTER TABLE t ADD FOREIGN KEY (nothing) REFERENCES p NOT VALID",
    ),
    after(
        "dropcol-of-trigger",
        "CREATE TRIGGER tg BEFORE UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION trg()",
        "ALTER TABLE t DROP COLUMN a",
    ),
    after(
        "dropcol-of-policy",
        "CREATE POLICY pl ON t USING (a > 0)",
        "ALTER TABLE t DROP COLUMN a",
    ),
    on(
        "identity-of-nullable",
        "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY",
    ),
    on(
        "identity-of-made-not-null",
        "ALTER TABLE t ALTER a SET NOT NULL, ALTER a ADD GENERATED ALWAYS AS IDENTITY",
    ),
    after(
        "identity-beside-default",
        "ALTER TABLE t ALTER nn SET DEFAULT 1",
        "ALTER TABLE t ALTER nn ADD GENERATED ALWAYS AS IDENTITY",
    ),
    after(
        "default-of-generated",
        GENERATED,
        "ALTER TABLE t ALTER g SET DEFAULT 1",
    ),
    // Types that go
    after("drop-type-cascade-view", ENUM_VIEW, "DROP TYPE en CASCADE"),
    after(
        "drop-domain-cascade-over",
        "CREATE DOMAIN dm AS int; CREATE DOMAIN dn AS dm; ALTER TABLE t ADD z dn; \
         CREATE VIEW vw AS SELECT z FROM t",
        "DROP DOMAIN dm CASCADE",
    ),
    after(
        "drop-matview-cascade",
        "CREATE MATERIALIZED VIEW mv AS SELECT id FROM t; \
         CREATE MATERIALIZED VIEW m2 AS SELECT id FROM mv; CREATE INDEX mi ON m2 (id)",
        "DROP MATERIALIZED VIEW mv CASCADE",
    ),
    on(
        "drop-collation",
        "CREATE COLLATION cc (locale = 'C'); DROP COLLATION cc",
    ),
    on(
        "drop-cast",
        "CREATE CAST (text AS point) WITH INOUT; DROP CAST (text AS point)",
    ),
    // Foreign keys
    on(
        "fk-not-valid-and-validate",
        "ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (ref) REFERENCES p NOT VALID, \
         VALIDATE CONSTRAINT fk",
    ),
    on(
        "fk-without-key",
        "ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES p (x)",
    ),
    after(
        "fk-to-partial-index",
        "CREATE UNIQUE INDEX u ON p (x) WHERE x > 0",
        "ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES p (x)",
    ),
    after(
        "fk-to-unique-index",
        "CREATE UNIQUE INDEX u ON p (x)",
        "ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES p (x) NOT VALID",
    ),
    after(
        "fk-to-deferrable",
        "ALTER TABLE p ADD CONSTRAINT u UNIQUE (x) DEFERRABLE",
        "ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES p (x)",
    ),
    on(
        "fk-to-own-new-key",
        "ALTER TABLE r ADD UNIQUE (t), ADD FOREIGN KEY (t) REFERENCES r (t) NOT VALID",
    ),
    after(
        "fk-to-unlogged",
        "CREATE UNLOGGED TABLE u (id int PRIMARY KEY)",
        "ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES u",
    ),
    after(
        "fk-to-view",
        VIEW,
        "ALTER TABLE r ADD FOREIGN KEY (t) REFERENCES vw (id)",
    ),
    on(
        "fk-only-partitioned",
        "ALTER TABLE ONLY pt ADD FOREIGN KEY (k) REFERENCES p",
    ),
    after(
        "drop-partition-referenced",
        "ALTER TABLE pt ADD PRIMARY KEY (id); ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES pt; \
         CREATE TABLE p9 PARTITION OF pt FOR VALUES FROM (20000) TO (30000)",
        "DROP TABLE p9",
    ),
    after("drop-index-referenced", UNIQUE_REFERENCED, "DROP INDEX u"),
    after(
        "drop-index-referenced-cascade",
        UNIQUE_REFERENCED,
        "DROP INDEX u CASCADE",
    ),
    // Other constraints
    on("second-primary-key", "ALTER TABLE t ADD PRIMARY KEY (nn)"),
    after(
        "unique-beside-partition-key",
        PART_KEY,
        "ALTER TABLE pt ADD UNIQUE (k)",
    ),
    on(
        "unique-index-beside-partition-key",
        "CREATE UNIQUE INDEX u ON pt (k)",
    ),
    after(
        "using-plain-index",
        "CREATE INDEX u ON t (a)",
        "ALTER TABLE t ADD UNIQUE USING INDEX u",
    ),
    after(
        "using-partial-index",
        "CREATE UNIQUE INDEX u ON t (a) WHERE a > 0",
        "ALTER TABLE t ADD UNIQUE USING INDEX u",
    ),
    after(
        "using-expression-index",
        "CREATE UNIQUE INDEX u ON t ((a + 1))",
        "ALTER TABLE t ADD UNIQUE USING INDEX u",
    ),
    after(
        "validate-unique",
        "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)",
        "ALTER TABLE t VALIDATE CONSTRAINT u",
    ),
    on(
        "validate-nothing",
        "ALTER TABLE t VALIDATE CONSTRAINT nothing",
    ),
    after(
        "validate-not-enforced",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT ENFORCED",
        "ALTER TABLE t VALIDATE CONSTRAINT k",
    )
    .since(18),
    after(
        "check-enforced",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT ENFORCED",
        "ALTER TABLE t ALTER CONSTRAINT k ENFORCED",
    )
    .since(18),
    after(
        "alter-unique-deferrable",
        "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)",
        "ALTER TABLE t ALTER CONSTRAINT u DEFERRABLE",
    ),
    after(
        "drop-inherited-check",
        "ALTER TABLE base ADD CONSTRAINT k CHECK (a > 0)",
        "ALTER TABLE ch DROP CONSTRAINT k",
    ),
    on(
        "not-null-no-inherit",
        "ALTER TABLE base ADD CONSTRAINT n NOT NULL a NO INHERIT",
    )
    .since(18),
    on(
        "not-null-twice",
        "ALTER TABLE t ADD CONSTRAINT n NOT NULL nn",
    )
    .since(18),
    after(
        "validate-not-null-valid-below",
        "ALTER TABLE pt ADD CONSTRAINT n NOT NULL id NOT VALID; \
         ALTER TABLE pt1 VALIDATE CONSTRAINT n",
        "ALTER TABLE pt VALIDATE CONSTRAINT n",
    )
    .since(18),
    // Partitions, views and the rest
    after(
        "attach-null-proven",
        NULLS,
        "ALTER TABLE lt ATTACH PARTITION x FOR VALUES IN (NULL)",
    ),
    after("update-view", VIEW, "UPDATE vw SET a = 1"),
    after("delete-view", VIEW, "DELETE FROM vw"),
    after(
        "insert-view",
        "CREATE VIEW vw AS SELECT id, x FROM p",
        "INSERT INTO vw VALUES (-1, 1)",
    ),
    after(
        "replica-identity-nullable",
        "CREATE UNIQUE INDEX u ON t (a)",
        "ALTER TABLE t REPLICA IDENTITY USING INDEX u",
    ),
    after(
        "refresh-concurrently-without-key",
        "CREATE MATERIALIZED VIEW mv AS SELECT id FROM t",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
    ),
];
