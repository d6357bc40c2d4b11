//! Statements on what is not a table, and those that keep tables in order.

use super::{CHECK_NN, Case, FK, INDEX, VIEW, after, on};

const MATVIEW: &str = "CREATE MATERIALIZED VIEW mv AS SELECT id, a FROM t";
const MATVIEW_INDEXED: &str =
    "CREATE MATERIALIZED VIEW mv AS SELECT id, a FROM t; CREATE UNIQUE INDEX mi ON mv (id)";
pub(super) const TRIGGER: &str =
    "CREATE TRIGGER tg BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()";
pub(super) const PT_TRIGGER: &str =
    "CREATE TRIGGER tg BEFORE INSERT ON pt FOR EACH ROW EXECUTE FUNCTION trg()";
const DOMAIN: &str = "CREATE DOMAIN dm AS int; ALTER TABLE t ADD z dm; ALTER TABLE base ADD z dm";
pub(super) const COMPOSITE: &str = "CREATE TYPE ct AS (x int); CREATE TABLE tt OF ct; \
    INSERT INTO tt SELECT g FROM generate_series(1, 3000) g";
const COMPOSITE_COLUMN: &str = "CREATE TYPE ct AS (x int); ALTER TABLE t ADD z ct";
pub(super) const RULE: &str = "CREATE RULE rl AS ON INSERT TO t DO ALSO NOTHING";
const POLICY: &str = "CREATE POLICY pl ON t USING (true)";
pub(super) const STATISTICS: &str = "CREATE STATISTICS st ON a, nn FROM t";
const PUBLICATION: &str = "CREATE PUBLICATION pb FOR TABLE t";
const SERIAL: &str = "CREATE TABLE ser (id serial PRIMARY KEY, n int)";

pub(in crate::live::effects) const CASES: &[Case] = &[
    // LOCK
    on("lock-access-share", "LOCK TABLE t IN ACCESS SHARE MODE"),
    on("lock-row-share", "LOCK TABLE t IN ROW SHARE MODE"),
    on("lock-row-exclusive", "LOCK TABLE t IN ROW EXCLUSIVE MODE"),
    on(
        "lock-share-update-exclusive",
        "LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE",
    ),
    on("lock-plain-share", "LOCK TABLE t IN SHARE MODE"),
    on("lock-exclusive", "LOCK TABLE t IN EXCLUSIVE MODE NOWAIT"),
    on(
        "lock-access-exclusive",
        "LOCK t, p IN ACCESS EXCLUSIVE MODE",
    ),
    on("lock-parent", "LOCK TABLE base IN SHARE MODE"),
    on("lock-only", "LOCK TABLE ONLY base IN SHARE MODE"),
    on("lock-partitioned", "LOCK TABLE pt"),
    after("lock-view", VIEW, "LOCK TABLE vw IN SHARE MODE"),
    // TRUNCATE
    on("truncate-two", "TRUNCATE p, r"),
    after("truncate-referenced", FK, "TRUNCATE p").unforeseen(),
    after("truncate-both", FK, "TRUNCATE p, t"),
    on("truncate-parent", "TRUNCATE base"),
    on("truncate-only", "TRUNCATE ONLY base").at_most(),
    after("truncate-restart", SERIAL, "TRUNCATE ser RESTART IDENTITY"),
    after("truncate-serial", SERIAL, "TRUNCATE ser").at_most(),
    // Views
    on(
        "create-temp-view",
        "CREATE TEMP VIEW v9 AS SELECT id FROM t",
    ),
    after(
        "create-view-on-view",
        VIEW,
        "CREATE VIEW v9 AS SELECT * FROM vw",
    ),
    on(
        "create-view-join",
        "CREATE VIEW v9 AS SELECT t.id FROM t JOIN p ON p.id = t.ref",
    ),
    on(
        "create-view-partitioned",
        "CREATE VIEW v9 AS SELECT id FROM pt",
    ),
    on("create-view-parent", "CREATE VIEW v9 AS SELECT a FROM base"),
    after(
        "create-or-replace-view-more",
        VIEW,
        "CREATE OR REPLACE VIEW vw AS SELECT id, a, b FROM t",
    ),
    after("alter-view-owner", VIEW, "ALTER VIEW vw OWNER TO postgres"),
    after("alter-view-schema", VIEW, "ALTER VIEW vw SET SCHEMA s"),
    after(
        "alter-view-options",
        VIEW,
        "ALTER VIEW vw SET (security_barrier = true)",
    ),
    after(
        "alter-view-default",
        VIEW,
        "ALTER VIEW vw ALTER COLUMN a SET DEFAULT 1",
    ),
    after("alter-table-view", VIEW, "ALTER TABLE vw RENAME TO vw9"),
    after(
        "view-rule",
        VIEW,
        "CREATE RULE ri AS ON INSERT TO vw DO INSTEAD NOTHING",
    ),
    after(
        "view-trigger",
        VIEW,
        "CREATE TRIGGER tg INSTEAD OF INSERT ON vw FOR EACH ROW EXECUTE FUNCTION trg()",
    ),
    after("comment-view", VIEW, "COMMENT ON VIEW vw IS 'x'"),
    after("comment-view-column", VIEW, "COMMENT ON COLUMN vw.a IS 'x'"),
    after("grant-view", VIEW, "GRANT SELECT ON vw TO PUBLIC"),
    // Materialized views
    on(
        "create-matview-no-data",
        "CREATE MATERIALIZED VIEW mv AS SELECT id FROM t WITH NO DATA",
    ),
    after(
        "create-matview-exists",
        MATVIEW,
        "CREATE MATERIALIZED VIEW IF NOT EXISTS mv AS SELECT id FROM t",
    ),
    after(
        "refresh-matview-plain",
        MATVIEW,
        "REFRESH MATERIALIZED VIEW mv",
    ),
    after(
        "refresh-matview-conc",
        MATVIEW_INDEXED,
        "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
    ),
    after(
        "refresh-matview-no-data",
        MATVIEW_INDEXED,
        "REFRESH MATERIALIZED VIEW mv WITH NO DATA",
    ),
    after(
        "alter-matview-rename",
        MATVIEW,
        "ALTER MATERIALIZED VIEW mv RENAME TO mv9",
    ),
    after(
        "alter-matview-column",
        MATVIEW,
        "ALTER MATERIALIZED VIEW mv RENAME COLUMN a TO aa",
    ),
    after(
        "alter-matview-schema",
        MATVIEW,
        "ALTER MATERIALIZED VIEW mv SET SCHEMA s",
    ),
    after(
        "alter-matview-owner",
        MATVIEW,
        "ALTER MATERIALIZED VIEW mv OWNER TO postgres",
    ),
    after(
        "alter-matview-options",
        MATVIEW,
        "ALTER MATERIALIZED VIEW mv SET (fillfactor = 80)",
    ),
    after(
        "alter-matview-statistics",
        MATVIEW,
        "ALTER MATERIALIZED VIEW mv ALTER a SET STATISTICS 5",
    ),
    after(
        "comment-matview",
        MATVIEW,
        "COMMENT ON MATERIALIZED VIEW mv IS 'x'",
    ),
    after("drop-matview-cascade", MATVIEW, "DROP TABLE t CASCADE"),
    // Sequences
    on(
        "alter-sequence-increment",
        "ALTER SEQUENCE sq INCREMENT BY 2",
    ),
    on("alter-sequence-type", "ALTER SEQUENCE sq AS int"),
    on("alter-sequence-owned", "ALTER SEQUENCE sq OWNED BY t.a"),
    after(
        "alter-sequence-owned-none",
        "ALTER SEQUENCE sq OWNED BY t.a",
        "ALTER SEQUENCE sq OWNED BY NONE",
    ),
    on(
        "alter-sequence-owner",
        "ALTER SEQUENCE sq OWNER TO postgres",
    ),
    on("alter-sequence-schema", "ALTER SEQUENCE sq SET SCHEMA s"),
    on("alter-sequence-unlogged", "ALTER SEQUENCE sq SET UNLOGGED").since(15),
    on("create-sequence-owned", "CREATE SEQUENCE sq2 OWNED BY t.a"),
    on("comment-sequence", "COMMENT ON SEQUENCE sq IS 'x'"),
    on("grant-sequence", "GRANT USAGE ON SEQUENCE sq TO PUBLIC"),
    // Functions
    on(
        "create-or-replace-function",
        "CREATE OR REPLACE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    ),
    on(
        "create-function-atomic",
        "CREATE FUNCTION ff() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM t; END",
    ),
    on(
        "create-function-returns-rows",
        "CREATE FUNCTION ff() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t'",
    ),
    on(
        "create-procedure",
        "CREATE PROCEDURE pp() LANGUAGE sql AS 'SELECT 1'",
    ),
    on("alter-function", "ALTER FUNCTION trg() STABLE"),
    on(
        "alter-function-rename",
        "ALTER FUNCTION trg() RENAME TO trg2",
    ),
    on(
        "alter-function-owner",
        "ALTER FUNCTION trg() OWNER TO postgres",
    ),
    on("drop-function-used", "DROP FUNCTION trg()"),
    on("comment-function", "COMMENT ON FUNCTION trg() IS 'x'"),
    on(
        "grant-function",
        "GRANT EXECUTE ON FUNCTION trg() TO PUBLIC",
    ),
    on(
        "create-aggregate",
        "CREATE AGGREGATE agg (int) (sfunc = int4pl, stype = int)",
    ),
    // Triggers, rules, policies
    on(
        "create-trigger-statement",
        "CREATE TRIGGER tg AFTER INSERT ON t EXECUTE FUNCTION trg()",
    ),
    on(
        "create-trigger-update-of",
        "CREATE TRIGGER tg BEFORE UPDATE OF a ON t FOR EACH ROW WHEN (NEW.a > 0) EXECUTE FUNCTION trg()",
    ),
    on(
        "create-trigger-parent",
        "CREATE TRIGGER tg BEFORE INSERT ON base FOR EACH ROW EXECUTE FUNCTION trg()",
    ),
    on(
        "create-trigger-partitioned-statement",
        "CREATE TRIGGER tg AFTER INSERT ON pt FOR EACH STATEMENT EXECUTE FUNCTION trg()",
    ),
    on(
        "create-constraint-trigger",
        "CREATE CONSTRAINT TRIGGER tg AFTER INSERT ON t DEFERRABLE FOR EACH ROW EXECUTE FUNCTION trg()",
    ),
    on(
        "create-constraint-trigger-from",
        "CREATE CONSTRAINT TRIGGER tg AFTER INSERT ON t FROM p FOR EACH ROW EXECUTE FUNCTION trg()",
    ),
    on(
        "create-trigger-missing",
        "CREATE TRIGGER tg BEFORE INSERT ON nothing FOR EACH ROW EXECUTE FUNCTION trg()",
    ),
    after(
        "alter-trigger",
        TRIGGER,
        "ALTER TRIGGER tg ON t RENAME TO tg9",
    ),
    after(
        "alter-trigger-partitioned",
        PT_TRIGGER,
        "ALTER TRIGGER tg ON pt RENAME TO tg9",
    ),
    after(
        "comment-trigger",
        TRIGGER,
        "COMMENT ON TRIGGER tg ON t IS 'x'",
    ),
    after("alter-rule", RULE, "ALTER RULE rl ON t RENAME TO rl9"),
    after("comment-rule", RULE, "COMMENT ON RULE rl ON t IS 'x'"),
    on(
        "create-rule-other",
        "CREATE RULE rl AS ON INSERT TO t DO ALSO INSERT INTO p VALUES (NEW.id)",
    ),
    after(
        "alter-policy-rename",
        POLICY,
        "ALTER POLICY pl ON t RENAME TO pl9",
    ),
    on(
        "create-policy-query",
        "CREATE POLICY pl ON t USING (EXISTS (SELECT 1 FROM p WHERE p.id = t.ref))",
    ),
    after("comment-policy", POLICY, "COMMENT ON POLICY pl ON t IS 'x'"),
    after(
        "comment-constraint",
        CHECK_NN,
        "COMMENT ON CONSTRAINT ck ON t IS 'x'",
    ),
    after("drop-trigger-missing", "", "DROP TRIGGER tg ON t"),
    after(
        "drop-trigger-if-exists",
        "",
        "DROP TRIGGER IF EXISTS tg ON t",
    ),
    // Types and domains
    on("create-domain", "CREATE DOMAIN dm AS int CHECK (VALUE > 0)"),
    on("create-composite", "CREATE TYPE ct AS (x int)"),
    on("create-range", "CREATE TYPE fr AS RANGE (subtype = float8)"),
    after("domain-set-nn", DOMAIN, "ALTER DOMAIN dm SET NOT NULL").unforeseen(),
    after(
        "domain-set-default",
        DOMAIN,
        "ALTER DOMAIN dm SET DEFAULT 5",
    ),
    after(
        "domain-drop-default",
        DOMAIN,
        "ALTER DOMAIN dm DROP DEFAULT",
    ),
    after("domain-drop-nn", DOMAIN, "ALTER DOMAIN dm DROP NOT NULL"),
    after(
        "domain-add-check-all",
        DOMAIN,
        "ALTER DOMAIN dm ADD CHECK (VALUE > 0)",
    ),
    after(
        "domain-add-check-partitioned",
        "CREATE DOMAIN dm AS int; ALTER TABLE pt ADD z dm",
        "ALTER DOMAIN dm ADD CHECK (VALUE > 0)",
    ),
    after(
        "domain-add-check-not-valid",
        DOMAIN,
        "ALTER DOMAIN dm ADD CHECK (VALUE > 0) NOT VALID",
    ),
    after(
        "domain-add-check-array",
        "CREATE DOMAIN dm AS int; ALTER TABLE t ADD z dm[]",
        "ALTER DOMAIN dm ADD CHECK (VALUE > 0)",
    ),
    after(
        "domain-add-check-nested",
        "CREATE DOMAIN dm AS int; CREATE DOMAIN dm2 AS dm; ALTER TABLE t ADD z dm2",
        "ALTER DOMAIN dm ADD CHECK (VALUE > 0)",
    ),
    after(
        "domain-add-check-composite",
        "CREATE DOMAIN dm AS int; CREATE TYPE ct AS (x dm); ALTER TABLE t ADD z ct",
        "ALTER DOMAIN dm ADD CHECK (VALUE > 0)",
    )
    .unforeseen(),
    after(
        "domain-validate",
        "CREATE DOMAIN dm AS int; ALTER TABLE t ADD z dm; ALTER DOMAIN dm ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID",
        "ALTER DOMAIN dm VALIDATE CONSTRAINT k",
    ),
    after(
        "domain-drop-check",
        "CREATE DOMAIN dm AS int CONSTRAINT k CHECK (VALUE > 0); ALTER TABLE t ADD z dm",
        "ALTER DOMAIN dm DROP CONSTRAINT k",
    ),
    after(
        "domain-rename-check",
        "CREATE DOMAIN dm AS int CONSTRAINT k CHECK (VALUE > 0); ALTER TABLE t ADD z dm",
        "ALTER DOMAIN dm RENAME CONSTRAINT k TO k2",
    ),
    after("domain-rename", DOMAIN, "ALTER DOMAIN dm RENAME TO dm9"),
    after("domain-schema", DOMAIN, "ALTER DOMAIN dm SET SCHEMA s"),
    after("domain-owner", DOMAIN, "ALTER DOMAIN dm OWNER TO postgres"),
    after("comment-domain", DOMAIN, "COMMENT ON DOMAIN dm IS 'x'"),
    after("drop-domain-used", DOMAIN, "DROP DOMAIN dm"),
    after("drop-domain-cascade", DOMAIN, "DROP DOMAIN dm CASCADE"),
    on(
        "enum-add-before",
        "ALTER TYPE en ADD VALUE IF NOT EXISTS 'w' BEFORE 'x'",
    ),
    on("type-rename", "ALTER TYPE en RENAME TO en9"),
    on("type-schema", "ALTER TYPE en SET SCHEMA s"),
    on("type-owner", "ALTER TYPE en OWNER TO postgres"),
    on("comment-type", "COMMENT ON TYPE en IS 'x'"),
    after(
        "type-add-attribute",
        COMPOSITE,
        "ALTER TYPE ct ADD ATTRIBUTE y int CASCADE",
    )
    .unknown(),
    after(
        "type-add-attribute-restrict",
        COMPOSITE,
        "ALTER TYPE ct ADD ATTRIBUTE y int",
    )
    .unforeseen(),
    after(
        "type-drop-attribute",
        COMPOSITE,
        "ALTER TYPE ct DROP ATTRIBUTE x CASCADE",
    )
    .unknown(),
    after(
        "type-rename-attribute",
        COMPOSITE,
        "ALTER TYPE ct RENAME ATTRIBUTE x TO y CASCADE",
    )
    .unknown(),
    after(
        "type-alter-attribute",
        COMPOSITE,
        "ALTER TYPE ct ALTER ATTRIBUTE x TYPE bigint CASCADE",
    )
    .unknown(),
    after(
        "type-alter-attribute-used",
        COMPOSITE_COLUMN,
        "ALTER TYPE ct ALTER ATTRIBUTE x TYPE bigint",
    ),
    after(
        "type-add-attribute-used",
        COMPOSITE_COLUMN,
        "ALTER TYPE ct ADD ATTRIBUTE y int",
    ),
    after(
        "type-drop-attribute-used",
        COMPOSITE_COLUMN,
        "ALTER TYPE ct DROP ATTRIBUTE x",
    ),
    after(
        "drop-type",
        "CREATE TYPE en2 AS ENUM ('q')",
        "DROP TYPE en2",
    ),
    // Schemas, extensions, publications, statistics, comments, grants
    on("alter-schema", "ALTER SCHEMA s RENAME TO s9"),
    on("alter-schema-owner", "ALTER SCHEMA s OWNER TO postgres"),
    on("comment-schema", "COMMENT ON SCHEMA s IS 'x'"),
    on("grant-schema", "GRANT USAGE ON SCHEMA s TO PUBLIC"),
    on(
        "grant-all-tables",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC",
    ),
    on(
        "grant-column",
        "GRANT SELECT (a), UPDATE (b) ON t TO PUBLIC",
    ),
    on("revoke", "REVOKE ALL ON t FROM PUBLIC"),
    on(
        "default-privileges",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO PUBLIC",
    ),
    on("comment-extension", "COMMENT ON EXTENSION plpgsql IS 'x'"),
    on(
        "publication-columns",
        "CREATE PUBLICATION pb FOR TABLE t (id, a)",
    )
    .since(15),
    on("publication-two", "CREATE PUBLICATION pb FOR TABLE t, p"),
    on(
        "publication-partitioned",
        "CREATE PUBLICATION pb FOR TABLE pt",
    ),
    on("publication-parent", "CREATE PUBLICATION pb FOR TABLE base"),
    on(
        "publication-schema",
        "CREATE PUBLICATION pb FOR TABLES IN SCHEMA public",
    )
    .since(15),
    after(
        "x-publication-alter",
        "CREATE PUBLICATION pb FOR TABLE p",
        "ALTER PUBLICATION pb ADD TABLE t",
    ),
    after(
        "alter-publication-drop",
        PUBLICATION,
        "ALTER PUBLICATION pb DROP TABLE t",
    ),
    after(
        "alter-publication-set",
        PUBLICATION,
        "ALTER PUBLICATION pb SET TABLE p",
    ),
    after(
        "alter-publication-options",
        PUBLICATION,
        "ALTER PUBLICATION pb SET (publish = 'insert')",
    ),
    on(
        "alter-statistics-missing",
        "ALTER STATISTICS nothing SET STATISTICS 5",
    ),
    after(
        "alter-statistics",
        STATISTICS,
        "ALTER STATISTICS st SET STATISTICS 5",
    ),
    after(
        "alter-statistics-rename",
        STATISTICS,
        "ALTER STATISTICS st RENAME TO st9",
    ),
    after(
        "comment-statistics",
        STATISTICS,
        "COMMENT ON STATISTICS st IS 'x'",
    ),
    on("comment-parent", "COMMENT ON TABLE base IS 'x'"),
    on("comment-partitioned", "COMMENT ON TABLE pt IS 'x'"),
    on("comment-key-index", "COMMENT ON INDEX t_pkey IS 'x'"),
    on("analyze-parent", "ANALYZE base"),
    on("analyze-partitioned", "ANALYZE pt"),
    on("analyze-column", "ANALYZE t (a)"),
    // REINDEX and CLUSTER
    after("reindex-table", INDEX, "REINDEX TABLE t"),
    after("reindex-table-unindexed", "", "REINDEX TABLE base"),
    after(
        "cluster-again",
        "CREATE INDEX ix ON t (b); CLUSTER t USING ix",
        "CLUSTER t",
    ),
    on("cluster-never", "CLUSTER t"),
    on("cluster-pk", "CLUSTER t USING t_pkey"),
];
