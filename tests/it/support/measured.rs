//! The list of measured locks that lies beside the project: its rows, what each finds before it,
//! and how all are compared with what zdm says of them. Where it is absent, one line says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use zdm::{catalog::PgVersion, effects::LockMode};

/// What every row finds.
pub(crate) const TABLES: &str = "CREATE TYPE en AS ENUM ('x');
    CREATE TABLE p (id int PRIMARY KEY, x int);
    CREATE TABLE t (
        id int PRIMARY KEY, a int, b text, c char(5), v varchar(10), ref int, nn int NOT NULL,
        n numeric(10,2), ts timestamp, tz timestamptz, tm time, iv interval, cid cidr,
        vb varbit(10), j json, i2 smallint, e en
    );
    CREATE SEQUENCE sq;";
const PARTITIONED: &str = "CREATE TABLE pt (id int, k int) PARTITION BY RANGE (id);
    CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10000)";
const FK: &str = "ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (ref) REFERENCES p";
const INDEX: &str = "CREATE INDEX ix ON t (b)";
const CHECK: &str = "ALTER TABLE t ADD CONSTRAINT ck CHECK (a IS NOT NULL)";
const NO_KEY: &str = "ALTER TABLE t DROP CONSTRAINT t_pkey";
const FUNCTION: &str = "CREATE FUNCTION f() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'";
const TRIGGER_FUNCTION: &str =
    "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'";
const DOMAIN: &str = "CREATE DOMAIN dm AS int";
const DOMAIN_CHECK: &str = "CREATE DOMAIN dm AS int CHECK (VALUE > 0)";
const NOT_NULL: &str = "ALTER TABLE t ADD CONSTRAINT nnc NOT NULL a NOT VALID";
const MATVIEW: &str = "CREATE MATERIALIZED VIEW mv AS SELECT id FROM t";
/// A table that becomes a partition, its bound a constraint already.
const NEXT: &str = "CREATE TABLE x (id int NOT NULL, k int); \
    ALTER TABLE x ADD CHECK (id >= 10000 AND id < 20000)";

/// What a row needs beside the tables, by its name.
pub(crate) fn setup(id: &str) -> Vec<&'static str> {
    match id {
        "addcol-userfn-stable" | "x-default-plpgsql-stable" => vec![FUNCTION],
        "addcol-userfn-volatile" => {
            vec!["CREATE FUNCTION f() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1'"]
        }
        "addcol-domain-nocheck" | "type-domain-nocheck" => vec![DOMAIN],
        "addcol-domain-check-default" | "type-domain-check" => vec![DOMAIN_CHECK],
        "addcol-domain-default" => vec!["CREATE DOMAIN dm AS int DEFAULT 5"],
        // The servers measured were set to UTC.
        "type-ts-timestamptz" | "type-tz-timestamp" => vec!["SET timezone = 'UTC'"],
        "dropcol-fk"
        | "drop-fk"
        | "drop-pk-referenced"
        | "truncate-cascade"
        | "alter-fk-deferrable" => vec![FK],
        "validate-fk" => {
            vec!["ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (ref) REFERENCES p NOT VALID"]
        }
        "alter-fk-enforced" => {
            vec!["ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY (ref) REFERENCES p NOT ENFORCED"]
        }
        "type-bigint-fk-parent" => vec!["ALTER TABLE t ADD FOREIGN KEY (ref) REFERENCES p"],
        "rename-index" | "drop-index" | "alter-index-fillfactor" | "cluster" | "cluster-on" => {
            vec![INDEX]
        }
        "set-nn-check-implied" | "set-nn-and-drop-check-same-cmd" | "drop-check" => vec![CHECK],
        "nn-validate18" | "nn-notvalid-then-setnn18" => vec![NOT_NULL],
        "set-expression" => {
            vec!["ALTER TABLE t ADD COLUMN g int GENERATED ALWAYS AS (a + 1) STORED"]
        }
        "type-ts3-ts6" => vec!["ALTER TABLE t ADD COLUMN z timestamp(3)"],
        "type-v20-indexed" => vec!["CREATE INDEX ix ON t (v)"],
        "type-vtext-exprindexed" => vec!["CREATE INDEX ix ON t (lower(v))"],
        "type-v20-check" => vec!["ALTER TABLE t ADD CHECK (v <> 'none')"],
        "type-v20-check-notvalid" => vec!["ALTER TABLE t ADD CHECK (v <> 'none') NOT VALID"],
        "type-view-dep" => vec!["CREATE VIEW vw AS SELECT v FROM t"],
        "type-stats" => vec!["CREATE STATISTICS st ON v, a FROM t"],
        "x-drop-statistics" => vec!["CREATE STATISTICS st ON a, nn FROM t"],
        "add-unique-using" => vec!["CREATE UNIQUE INDEX uqi ON t (a)"],
        "add-pk" | "add-pk-nullable" => vec![NO_KEY],
        "add-pk-using-nn" => vec![NO_KEY, "CREATE UNIQUE INDEX uqi ON t (nn)"],
        "add-pk-using-nullable" => vec![NO_KEY, "CREATE UNIQUE INDEX uqi ON t (a)"],
        "add-pk-using-nullable-check" => {
            vec![NO_KEY, CHECK, "CREATE UNIQUE INDEX uqi ON t (a)"]
        }
        "set-logged" => vec!["ALTER TABLE t SET UNLOGGED"],
        "create-trigger" | "create-or-replace-trigger" => vec![TRIGGER_FUNCTION],
        "x-enable-replica-trigger" => vec![
            TRIGGER_FUNCTION,
            "CREATE TRIGGER tg BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        ],
        "inherit" => vec!["CREATE TABLE ch (LIKE t)"],
        "x-dropcol-inherit-parent" => vec!["CREATE TABLE ch () INHERITS (t)"],
        "drop-view" => vec!["CREATE VIEW vw AS SELECT id, a FROM t"],
        "x-security-definer-view" => vec!["CREATE VIEW v1 AS SELECT id, a FROM t"],
        "x-drop-view-cascade" => vec![
            "CREATE VIEW v1 AS SELECT id FROM t",
            "CREATE VIEW v2 AS SELECT id FROM v1",
        ],
        "x-alter-view-rename" => vec!["CREATE VIEW v1 AS SELECT id FROM t"],
        "refresh-matview" | "x-create-idx-on-matview" => vec![MATVIEW],
        "refresh-matview-conc" => vec![MATVIEW, "CREATE UNIQUE INDEX ON mv (id)"],
        "domain-add-check" | "domain-add-check-nv" | "domain-set-nn" => {
            vec![DOMAIN, "ALTER TABLE t ADD z dm"]
        }
        "domain-validate" => vec![
            DOMAIN,
            "ALTER TABLE t ADD z dm",
            "ALTER DOMAIN dm ADD CONSTRAINT k CHECK (value > 0) NOT VALID",
        ],
        "type-alter-attr" => vec!["CREATE TYPE ct AS (x int)", "CREATE TABLE tt OF ct"],
        "x-alter-type-attr-rename" => vec!["CREATE TYPE ct AS (x int)"],
        "x-alter-type-attr-type" => {
            vec!["CREATE TYPE ct AS (x int)", "ALTER TABLE t ADD z ct"]
        }
        "attach-check-nullable" => vec![
            PARTITIONED,
            "CREATE TABLE x (id int, k int); ALTER TABLE x ADD CHECK (id >= 10000 AND id < 20000)",
        ],
        "attach-check-nullable-nn" => vec![PARTITIONED, NEXT],
        "attach-default-check" => vec![
            PARTITIONED,
            "CREATE TABLE pd PARTITION OF pt DEFAULT",
            "ALTER TABLE pd ADD CHECK (id IS NULL OR id < 10000 OR id >= 20000)",
            NEXT,
        ],
        "attach-parent-indexed" => vec![PARTITIONED, "CREATE INDEX pix ON pt (id)", NEXT],
        "attach-parent-indexed-matching" => vec![
            PARTITIONED,
            "CREATE INDEX pix ON pt (id)",
            NEXT,
            "CREATE INDEX ON x (id)",
        ],
        "x-attach-fk-inherit" => {
            vec![
                PARTITIONED,
                "ALTER TABLE pt ADD FOREIGN KEY (id) REFERENCES p",
                NEXT,
            ]
        }
        "pt-index-attach" => vec![
            PARTITIONED,
            "CREATE INDEX pix ON ONLY pt (id)",
            "CREATE INDEX pix1 ON pt1 (id)",
        ],
        "pt-drop-index" => vec![PARTITIONED, "CREATE INDEX pix ON pt (id)"],
        "x-pt-create-trigger" => vec![PARTITIONED, TRIGGER_FUNCTION],
        // The key must hold the partition key.
        "x-pt-add-pk" => vec![
            "CREATE TABLE pt (id int, k int NOT NULL) PARTITION BY RANGE (k)",
            "CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10000)",
        ],
        "x-fk-to-partitioned" => vec![PARTITIONED, "ALTER TABLE pt ADD PRIMARY KEY (id)"],
        "x-drop-function-default" => vec![FUNCTION, "ALTER TABLE t ALTER a SET DEFAULT f()"],
        "x-drop-sequence-cascade" => vec!["ALTER TABLE t ALTER a SET DEFAULT nextval('sq')"],
        "x-publication-alter" => vec!["CREATE PUBLICATION pb"],
        id if id.starts_with("pt-")
            || id.starts_with("x-pt-")
            || ["detach", "drop-partition", "x-rename-partition"].contains(&id) =>
        {
            vec![PARTITIONED]
        }
        _ => Vec::new(),
    }
}

/// One row of the list.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) sql: String,
    pub(crate) versions: Vec<PgVersion>,
    pub(crate) locks: BTreeMap<String, LockMode>,
    pub(crate) rewrites: BTreeSet<String>,
    pub(crate) scans: BTreeSet<String>,
    pub(crate) fails: bool,
}

/// Asserts that nothing differs in any row, on any version that it was measured on.
pub(crate) fn assert_agreement(differences: impl Fn(&Row, PgVersion) -> Vec<String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/facts/locks.md");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("{} is absent: nothing to compare", path.display());
        return;
    };
    let rows = rows(&text);
    assert!(rows.len() > 190, "only {} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        for version in &row.versions {
            for found in differences(row, *version) {
                wrong.push(format!("{version:?} {} `{}`: {found}", row.id, row.sql));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn mode(short: &str) -> LockMode {
    match short {
        "AS" => LockMode::AccessShare,
        "RS" => LockMode::RowShare,
        "RX" => LockMode::RowExclusive,
        "SUE" => LockMode::ShareUpdateExclusive,
        "S" => LockMode::Share,
        "SRE" => LockMode::ShareRowExclusive,
        "X" => LockMode::Exclusive,
        "AE" => LockMode::AccessExclusive,
        other => panic!("{other} is no lock mode"),
    }
}

fn rows(text: &str) -> Vec<Row> {
    let list = |cell: &str| -> Vec<String> {
        let parts = cell.split(',').map(|part| part.trim().to_owned());
        parts
            .filter(|part| part != "–" && !part.is_empty())
            .collect()
    };
    text.lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| id "))
        .map(|line| {
            let line = line.trim().trim_start_matches('|').trim_end_matches('|');
            let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
            let [id, sql, servers, locks, rewritten, scanned, message] = cells[..] else {
                panic!("seven cells: {line}");
            };
            let (from, to) = servers.split_once('–').unwrap_or((servers, servers));
            let (from, to): (u32, u32) = (from.parse().unwrap(), to.parse().unwrap());
            let held = locks.split("obj ").next().unwrap_or_default();
            Row {
                id: id.to_owned(),
                sql: sql.trim_matches('`').to_owned(),
                versions: (from..=to).filter_map(PgVersion::from_major).collect(),
                locks: held
                    .split_whitespace()
                    .filter_map(|held| held.split_once('='))
                    .map(|(relation, short)| (relation.to_owned(), mode(short)))
                    .collect(),
                rewrites: list(rewritten).into_iter().collect(),
                scans: list(scanned)
                    .iter()
                    .map(|scan| scan.split(':').next().unwrap_or_default().to_owned())
                    .collect(),
                fails: message.contains("ERR "),
            }
        })
        .collect()
}
