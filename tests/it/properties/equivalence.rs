//! However the statements of a migration are interleaved, either its plan is refused with a reason,
//! or running it phase by phase ends as running the file plainly does, though the old application
//! writes in between.
//!
//! A few cases by default, always the same ones; with `ZDM_SOAK=1` many, and others each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};
use zdm::parse::PhaseName;

use crate::support::{
    assert_same_data, assert_same_schema,
    phases::{Stopped, Zdm, migration, plainly},
    server::{self, Db, fresh_database, versions},
};

pub(crate) mod generate;

/// Three tables that know each other.
pub(crate) const SCHEMA: &str = "
CREATE TABLE parents (id integer PRIMARY KEY, code text NOT NULL, note text);
INSERT INTO parents SELECT n, 'code ' || n, CASE WHEN n % 2 = 0 THEN 'note' END FROM generate_series(1, 20) n;
CREATE TABLE items (
    id bigint PRIMARY KEY,
    parent_id integer,
    a text NOT NULL,
    b text,
    c integer DEFAULT 5,
    d text,
    e integer NOT NULL DEFAULT 1,
    CONSTRAINT items_c_sane CHECK (c < 1000000)
);
INSERT INTO items SELECT n, n % 20 + 1, 'a' || n, CASE WHEN n % 3 > 0 THEN 'b' || n END, n, 'd' || n, n FROM generate_series(1, 300) n;
CREATE INDEX items_b ON items (b) WHERE c > 0;
CREATE INDEX items_lower ON items (lower(a), e) INCLUDE (d);
CREATE UNIQUE INDEX items_d ON items (d);
COMMENT ON COLUMN items.a IS 'the first';
CREATE TABLE links (item_id bigint REFERENCES items (id) ON DELETE CASCADE, n integer, CONSTRAINT links_n UNIQUE (n));
INSERT INTO links SELECT n, n FROM generate_series(1, 50) n;
CREATE VIEW seen AS SELECT id, a AS label FROM items;
";

/// What the old application writes: every column by name, and nothing that a constraint of the
/// generator refuses.
pub(crate) fn old(round: u32) -> String {
    format!(
        "INSERT INTO items (id, parent_id, a, b, c, d, e)
         VALUES ({round}000, 1, 'old a {round}', NULL, {round}, 'old d {round}', {round}000),
                ({round}001, NULL, 'older {round}', 'old b {round}', {round}, 'older d {round}', {round}001);
         UPDATE items SET a = a || '!', b = NULL WHERE id % 7 = {round} AND id <= 300;
         UPDATE items SET b = 'again {round}-' || id, c = c + 1 WHERE id % 5 = {round} AND id <= 300;
         DELETE FROM items WHERE id = 200 + {round};
         INSERT INTO parents VALUES ({round}00, 'old code {round}', NULL);
         INSERT INTO links VALUES ({round}000, {round}000);"
    )
}

/// How a case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Outcome {
    /// The server refuses the plain file.
    FailsPlainly,
    /// The rules that refuse the plan.
    Refused(BTreeSet<String>),
    /// Both ends are the same; the recipes that took part.
    Same(BTreeSet<&'static str>),
}

/// Runs a migration both ways, and panics where they do not end the same.
async fn both_ways(version: u32, sql: &str) -> Outcome {
    let plain = fresh_database(version, SCHEMA).await;
    for round in [1, 2] {
        plain.run(&old(round)).await;
    }
    if plainly(&mut plain.connect().await, sql).await.is_err() {
        return Outcome::FailsPlainly;
    }
    let db = fresh_database(version, SCHEMA).await;
    let zdm = Zdm::adopt(&db, migration("1", "generated", sql)).await;
    let recipes = zdm.plan().await.recipes;
    for (phase, round) in [
        (PhaseName::Expand, 1),
        (PhaseName::Migrate, 2),
        (PhaseName::Contract, 0),
    ] {
        match zdm.phase(phase).await {
            Ok(()) => {}
            Err(Stopped::Refused(why)) if phase == PhaseName::Expand => {
                let rules: BTreeSet<_> = why.iter().map(|why| why.rule.to_string()).collect();
                assert!(!rules.is_empty());
                assert!(
                    why.iter()
                        .all(|why| !why.message.is_empty() && why.help.is_some()),
                    "{why:?}"
                );
                return Outcome::Refused(rules);
            }
            Err(stopped) => panic!("PostgreSQL {version}: {phase:?}: {stopped}\nof:\n{sql}"),
        }
        if round > 0 {
            writes(&db, round, sql).await;
        }
    }
    let (mut a, mut b) = (plain.connect().await, db.connect().await);
    assert_same_schema(&mut a, &mut b).await;
    assert_same_data(&mut a, &mut b).await;
    Outcome::Same(recipes)
}

async fn writes(db: &Db, round: u32, sql: &str) {
    let mut conn = db.connect().await;
    if let Err(error) = server::try_run(&mut conn, &old(round)).await {
        panic!(
            "PostgreSQL {}: the old application fails in round {round}: {error}\nof:\n{sql}",
            db.version
        );
    }
}

fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}

/// Orders that are easily got wrong.
const INTERLEAVED: &[(&str, &str)] = &[
    (
        "a name that is free again",
        "ALTER TABLE items DROP COLUMN b; ALTER TABLE items ADD COLUMN b integer;",
    ),
    (
        "drop and add of others",
        "ALTER TABLE items DROP COLUMN b; ALTER TABLE items ADD COLUMN x integer NOT NULL DEFAULT 3;",
    ),
    (
        "an index on a column to be renamed",
        "CREATE INDEX i ON items (e); ALTER TABLE items RENAME e TO amount;",
    ),
    (
        "an index on a renamed column",
        "ALTER TABLE items RENAME e TO amount; CREATE INDEX i ON items (amount, b);",
    ),
    (
        "a CHECK before and after a rename",
        "ALTER TABLE items ADD CHECK (e > 0); ALTER TABLE items RENAME e TO size; ALTER TABLE items ADD CHECK (size < 100000);",
    ),
    (
        "two renames",
        "ALTER TABLE items RENAME a TO first; ALTER TABLE items RENAME d TO last;",
    ),
    (
        "a rename there and back",
        "ALTER TABLE items RENAME a TO x; ALTER TABLE items RENAME x TO a;",
    ),
    (
        "a swap of names",
        "ALTER TABLE items RENAME a TO x; ALTER TABLE items RENAME d TO a; ALTER TABLE items RENAME x TO d;",
    ),
    (
        "a rename, and the old name for another",
        "ALTER TABLE items RENAME b TO x; ALTER TABLE items ADD COLUMN b text DEFAULT 'new';",
    ),
    (
        "NOT NULL and a rename",
        "ALTER TABLE items ALTER COLUMN d SET NOT NULL; ALTER TABLE items RENAME d TO x;",
    ),
    (
        "a rename and NOT NULL",
        "ALTER TABLE items RENAME d TO x; ALTER TABLE items ALTER COLUMN x SET NOT NULL;",
    ),
    (
        "NOT NULL there and back",
        "ALTER TABLE items ALTER COLUMN d SET NOT NULL; ALTER TABLE items ALTER COLUMN d DROP NOT NULL;",
    ),
    (
        "NOT NULL back and there",
        "ALTER TABLE items ALTER COLUMN a DROP NOT NULL; ALTER TABLE items ALTER COLUMN a SET NOT NULL;",
    ),
    (
        "an index in another's place",
        "DROP INDEX items_b; CREATE INDEX items_b ON items (b, c);",
    ),
    (
        "a constraint in another's place",
        "ALTER TABLE items DROP CONSTRAINT items_c_sane; ALTER TABLE items ADD CONSTRAINT items_c_sane CHECK (c < 2000000);",
    ),
    (
        "a constraint in another's place, at once",
        "ALTER TABLE items DROP CONSTRAINT items_c_sane, ADD CONSTRAINT items_c_sane CHECK (c < 2000000);",
    ),
    (
        "a key and who references it",
        "ALTER TABLE items ADD UNIQUE (e); ALTER TABLE links ADD COLUMN e integer REFERENCES items (e);",
    ),
    (
        "a renamed key and who references it",
        "ALTER TABLE parents RENAME id TO pid; ALTER TABLE items ADD FOREIGN KEY (parent_id) REFERENCES parents (pid);",
    ),
    (
        "who references it and a renamed key",
        "ALTER TABLE items ADD FOREIGN KEY (parent_id) REFERENCES parents; ALTER TABLE parents RENAME id TO pid;",
    ),
    (
        "both sides renamed",
        "ALTER TABLE links RENAME item_id TO item; ALTER TABLE items RENAME id TO number;",
    ),
    (
        "computed and kept",
        "ALTER TABLE items ADD COLUMN x text; UPDATE items SET x = upper(a); CREATE INDEX ON items (x);",
    ),
    (
        "computed, required, its source dropped",
        "ALTER TABLE items ADD COLUMN x text; UPDATE items SET x = coalesce(b, 'none'); ALTER TABLE items ALTER COLUMN x SET NOT NULL; ALTER TABLE items DROP COLUMN b;",
    ),
    (
        "two computed from one",
        "ALTER TABLE items ADD COLUMN x text; UPDATE items SET x = lower(b); ALTER TABLE items ADD COLUMN y text; UPDATE items SET y = upper(b); ALTER TABLE items DROP COLUMN b;",
    ),
    (
        "computed from a renamed one",
        "ALTER TABLE items RENAME b TO bb; ALTER TABLE items ADD COLUMN x text; UPDATE items SET x = lower(bb);",
    ),
    (
        "a new table that references a renamed key",
        "ALTER TABLE parents RENAME id TO pid; CREATE TABLE kids (id integer PRIMARY KEY, pid integer REFERENCES parents (pid));",
    ),
    (
        "a default for what is renamed",
        "ALTER TABLE items ALTER COLUMN e SET DEFAULT 9; ALTER TABLE items RENAME e TO size; ALTER TABLE items ALTER COLUMN size DROP DEFAULT;",
    ),
    (
        "dropped after its index",
        "DROP INDEX items_lower; ALTER TABLE items DROP COLUMN e;",
    ),
    (
        "dropped with its index",
        "ALTER TABLE items DROP COLUMN d; CREATE INDEX items_d ON items (e);",
    ),
    (
        "renamed constraint, new one under its name",
        "ALTER TABLE items RENAME CONSTRAINT items_c_sane TO c_sane; ALTER TABLE items ADD CONSTRAINT items_c_sane CHECK (c > -5);",
    ),
    (
        "a comment on what is renamed",
        "ALTER TABLE items RENAME b TO x; COMMENT ON COLUMN items.x IS 'renamed';",
    ),
    (
        "a view on what is renamed",
        "ALTER TABLE items RENAME d TO x; CREATE VIEW more AS SELECT x FROM items;",
    ),
    (
        "a comment, then a rename",
        "COMMENT ON COLUMN items.b IS 'new'; ALTER TABLE items RENAME b TO x;",
    ),
    (
        "a comment on an index, then a rename",
        "COMMENT ON INDEX items_b IS 'new'; ALTER TABLE items RENAME b TO x;",
    ),
    (
        "a rename, then a comment on an index",
        "ALTER TABLE items RENAME b TO x; COMMENT ON INDEX items_b IS 'new';",
    ),
    (
        "a rename, then a comment on a constraint",
        "ALTER TABLE links RENAME n TO x; COMMENT ON CONSTRAINT links_n ON links IS 'new';",
    ),
    (
        "statistics, then a rename",
        "ALTER TABLE items ALTER COLUMN b SET STATISTICS 7; ALTER TABLE items RENAME b TO x;",
    ),
    (
        "a rename, then statistics",
        "ALTER TABLE items RENAME b TO x; ALTER TABLE items ALTER COLUMN x SET STATISTICS 7;",
    ),
    (
        "a grant, then a rename",
        "GRANT SELECT (b) ON items TO PUBLIC; ALTER TABLE items RENAME b TO x;",
    ),
    (
        "a rename, then a grant",
        "ALTER TABLE items RENAME b TO x; GRANT SELECT (x) ON items TO PUBLIC;",
    ),
    (
        "a rename, then its index renamed",
        "ALTER TABLE items RENAME b TO x; ALTER INDEX items_b RENAME TO items_x;",
    ),
    (
        "an index renamed, then a rename",
        "ALTER INDEX items_b RENAME TO items_x; ALTER TABLE items RENAME b TO x;",
    ),
    (
        "a rename, then its constraint renamed",
        "ALTER TABLE links RENAME n TO x; ALTER TABLE links RENAME CONSTRAINT links_n TO links_x;",
    ),
    (
        "a rename, then its constraint dropped",
        "ALTER TABLE links RENAME n TO x; ALTER TABLE links DROP CONSTRAINT links_n;",
    ),
    (
        "a rename, then its key dropped",
        "ALTER TABLE items RENAME id TO x; ALTER TABLE links DROP CONSTRAINT links_item_id_fkey;",
    ),
    (
        "a rename, then its index dropped",
        "ALTER TABLE items RENAME b TO x; DROP INDEX items_b;",
    ),
    (
        "its index dropped, then a rename",
        "DROP INDEX items_b; ALTER TABLE items RENAME b TO x;",
    ),
    (
        "a constraint not valid, a rename, validated",
        "ALTER TABLE items ADD CONSTRAINT k CHECK (e > 0) NOT VALID; ALTER TABLE items RENAME e TO x; ALTER TABLE items VALIDATE CONSTRAINT k;",
    ),
    (
        "an index on what is dropped with a computed one",
        "ALTER TABLE items ADD COLUMN x text; UPDATE items SET x = lower(b); CREATE INDEX i ON items (b); ALTER TABLE items DROP COLUMN b;",
    ),
    (
        "renamed what is computed",
        "ALTER TABLE items ADD COLUMN x text; UPDATE items SET x = lower(b); ALTER TABLE items RENAME x TO y;",
    ),
    (
        "dropped what is computed",
        "ALTER TABLE items ADD COLUMN x text; UPDATE items SET x = lower(b); ALTER TABLE items DROP COLUMN x;",
    ),
    (
        "dropped what was just added",
        "ALTER TABLE items ADD COLUMN x integer DEFAULT 1; ALTER TABLE items DROP COLUMN x;",
    ),
    (
        "dropped what was just renamed",
        "ALTER TABLE items RENAME b TO x; ALTER TABLE items DROP COLUMN x;",
    ),
    (
        "added and renamed",
        "ALTER TABLE items ADD COLUMN x integer DEFAULT 1 NOT NULL; ALTER TABLE items RENAME x TO y;",
    ),
    (
        "a default given after it was added",
        "ALTER TABLE items ADD COLUMN x integer; ALTER TABLE items ALTER COLUMN c SET DEFAULT 8;",
    ),
    (
        "a table dropped that references what is renamed",
        "DROP TABLE links; ALTER TABLE items RENAME id TO x;",
    ),
    (
        "renamed, then a table dropped that references it",
        "ALTER TABLE items RENAME id TO x; DROP TABLE links;",
    ),
    (
        "a view dropped that reads what is dropped",
        "DROP VIEW seen; ALTER TABLE items DROP COLUMN a;",
    ),
    (
        "a view replaced that reads what is renamed",
        "CREATE OR REPLACE VIEW seen AS SELECT id, b AS label FROM items; ALTER TABLE items RENAME b TO x;",
    ),
    (
        "renamed, and a view that reads it dropped",
        "ALTER TABLE items RENAME a TO x; DROP VIEW seen;",
    ),
    (
        "names that the server makes up",
        "CREATE INDEX ON items (lower(a)); CREATE INDEX ON items ((coalesce(b, a))); \
         CREATE INDEX ON items ((a || d)); CREATE INDEX ON items ((c::bigint), (e + 1)); \
         CREATE INDEX ON items (((e + 1)::bigint)); CREATE INDEX ON items ((nullif(c, 1)) DESC); \
         CREATE INDEX ON items ((CASE WHEN c > 1 THEN a ELSE b END), trim(a)); \
         CREATE INDEX ON items ((CASE WHEN c > 1 THEN 1 END)); \
         CREATE INDEX ON items ((greatest(c, e)), substring(a FROM 2)) WHERE c > 3; \
         CREATE INDEX ON items (a COLLATE \"C\", (b IS NULL), (-c));",
    ),
    (
        "no key, and NULL in what was its column",
        "ALTER TABLE parents DROP CONSTRAINT parents_pkey; ALTER TABLE parents ALTER COLUMN id DROP NOT NULL;",
    ),
    (
        "DEFAULT NULL that the server casts",
        "ALTER TABLE items ADD COLUMN x varchar(39) NULL DEFAULT NULL, ADD COLUMN y timestamptz DEFAULT NULL;",
    ),
    (
        "everything of one table at once",
        "ALTER TABLE items ADD COLUMN x integer DEFAULT 1, DROP COLUMN b, ALTER COLUMN d SET NOT NULL, ADD CONSTRAINT e_ok CHECK (e > 0), ADD UNIQUE (a, e);",
    ),
];

#[test]
fn interleaved_statements_end_as_plain_sql_does() {
    let mut told = Vec::new();
    let only = std::env::var("ZDM_ONLY").unwrap_or_default();
    for version in versions() {
        for (name, sql) in INTERLEAVED.iter().filter(|(name, _)| name.contains(&only)) {
            let result = std::panic::catch_unwind(|| block_on(both_ways(version, sql)));
            match result {
                Ok(Outcome::FailsPlainly) => told.push(format!("{version} {name}: fails plainly")),
                Ok(Outcome::Refused(why)) => println!("{version} {name}: refused, {why:?}"),
                Ok(Outcome::Same(recipes)) => println!("{version} {name}: {recipes:?}"),
                Err(_) => told.push(format!("{version} {name}: see above")),
            }
        }
    }
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn rows_that_no_update_can_touch_stop_it_before_anything_is_made() {
    let schema = "CREATE TABLE t (id integer PRIMARY KEY, a integer);
        INSERT INTO t SELECT n, -n FROM generate_series(1, 10) n;
        ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;";
    for version in versions() {
        block_on(async {
            let db = fresh_database(version, schema).await;
            let file = migration("1", "rename", "ALTER TABLE t RENAME a TO b;");
            let zdm = Zdm::adopt(&db, file).await;
            let stopped = zdm.phase(PhaseName::Expand).await.expect_err("stops");
            let said = stopped.to_string();
            assert!(said.contains("10 rows of t violate positive"), "{said}");
            db.run("DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b'); END $$")
                .await;
            db.run("SET session_replication_role = replica; ALTER TABLE t DROP CONSTRAINT positive; UPDATE t SET a = id; ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0) NOT VALID;")
                .await;
            for phase in PhaseName::ALL {
                zdm.phase(phase)
                    .await
                    .unwrap_or_else(|error| panic!("{version}: {error}"));
            }
        });
    }
}

#[test]
fn generated_migrations_end_as_plain_sql_does() {
    let soak = std::env::var_os("ZDM_SOAK").is_some();
    let config = Config {
        cases: std::env::var("PROPTEST_CASES")
            .ok()
            .and_then(|cases| cases.parse().ok())
            .unwrap_or(if soak { 1000 } else { 10 }),
        max_shrink_iters: 40,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = if soak {
        TestRng::from_seed(
            RngAlgorithm::ChaCha,
            &fastrand::Rng::new().u128(..).to_le_bytes().repeat(2),
        )
    } else {
        TestRng::deterministic_rng(RngAlgorithm::ChaCha)
    };
    let tally: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let count = |what: String| {
        *tally.lock().expect("counts").entry(what).or_default() += 1;
    };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let all = versions();
    let choices = prop::collection::vec(any::<[u8; 4]>(), 2..7);
    let result = runner.run(&choices, |choices| {
        let sql = generate::migration(&choices);
        for version in &all {
            match block_on(both_ways(*version, &sql)) {
                Outcome::FailsPlainly => count("fails plainly".to_owned()),
                Outcome::Refused(rules) => {
                    for rule in rules {
                        count(format!("refused: {rule}"));
                    }
                }
                Outcome::Same(recipes) => {
                    for recipe in recipes {
                        count(format!("same: {recipe}"));
                    }
                }
            }
        }
        Ok(())
    });
    println!("{:#?}", tally.lock().expect("counts"));
    if let Err(TestError::Fail(why, choices)) = &result {
        panic!("{why}\nof:\n{}", generate::migration(choices));
    }
    result.expect("runs");
    let tally = tally.lock().expect("counts");
    let same = tally.keys().filter(|what| what.starts_with("same")).count();
    assert!(
        same >= 6,
        "only {same} recipes came to an end: the generator makes too little"
    );
}
