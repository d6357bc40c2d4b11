//! What a plan says of the old application is what its INSERTs find, at every phase boundary; and what
//! a rollback before contract brings back.

use zdm::{
    execute::{apply::Through, journal::MigrationState},
    parse::PhaseName,
};

use super::case::Case;
use crate::support::server;

const SETUP: &str = "CREATE TABLE peers (id int PRIMARY KEY);
    INSERT INTO peers VALUES (5);
    CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text DEFAULT 'a', \
        b text NOT NULL DEFAULT 'b', n int);
    INSERT INTO t (n) SELECT n FROM generate_series(1, 50) n;
    CREATE TABLE empty (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int)";

/// A file, and whether the INSERTs of the old application, which do not name what is new or has a
/// default, still work after contract.
const FILES: &[(&str, bool)] = &[
    // As frameworks add a column: with a default for the rows that are there alone.
    (
        "ALTER TABLE t ADD COLUMN x int NOT NULL DEFAULT 5; \
         ALTER TABLE t ALTER COLUMN x DROP DEFAULT; CREATE INDEX ON t (x); \
         ALTER TABLE t ADD FOREIGN KEY (x) REFERENCES peers",
        false,
    ),
    ("ALTER TABLE t ALTER COLUMN b DROP DEFAULT", false),
    ("ALTER TABLE t ALTER COLUMN b SET DEFAULT NULL", false),
    (
        "ALTER TABLE t ALTER COLUMN a DROP DEFAULT; ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        false,
    ),
    ("ALTER TABLE t ALTER COLUMN a DROP DEFAULT", true),
    (
        "ALTER TABLE t ALTER COLUMN b DROP DEFAULT, ALTER COLUMN b DROP NOT NULL",
        true,
    ),
    (
        "ALTER TABLE t ALTER COLUMN b DROP DEFAULT; ALTER TABLE t ALTER COLUMN b SET DEFAULT 'c'",
        true,
    ),
    (
        "ALTER TABLE t ADD COLUMN x int; UPDATE t SET x = coalesce(n, 0); \
         ALTER TABLE t ALTER COLUMN x SET NOT NULL",
        false,
    ),
    (
        "ALTER TABLE t ADD COLUMN x uuid DEFAULT gen_random_uuid(); \
         ALTER TABLE t ALTER COLUMN x SET NOT NULL",
        true,
    ),
    (
        "ALTER TABLE t ADD COLUMN x int DEFAULT 5; ALTER TABLE t ALTER COLUMN x SET NOT NULL",
        true,
    ),
    // It leaves `n` NULL, which gets a value until contract.
    (
        "-- zdm: up(n) 7\nALTER TABLE t ALTER COLUMN n SET NOT NULL",
        false,
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_application_inserts_for_as_long_as_the_plan_says() {
    for version in server::versions() {
        for (migration, after_contract) in FILES {
            let case = Case::new(version, SETUP, migration).await;
            let insert = async |said: bool, when: &str| {
                let mut conn = case.db.connect().await;
                let sql = "INSERT INTO t DEFAULT VALUES";
                let done = sqlx::raw_sql(sql).execute(&mut conn).await;
                assert_eq!(
                    done.is_ok(),
                    said,
                    "PostgreSQL {version}, {when}: {migration}\n{done:?}"
                );
            };
            let plan = case.plan().await;
            let old: Vec<bool> = plan.compat.iter().map(|boundary| boundary.old).collect();
            assert_eq!(old, [true, true, *after_contract], "{migration}");
            insert(true, "before").await;
            case.expand().await;
            insert(true, "after expand").await;
            let migrated = case.try_apply(Through::Phase(PhaseName::Migrate)).await;
            assert_eq!(migrated.unwrap(), MigrationState::Migrated, "{migration}");
            insert(true, "after migrate").await;
            case.contract().await;
            insert(*after_contract, "after contract").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_column_that_becomes_not_null_without_a_value_is_refused_on_an_empty_table_too() {
    for version in server::versions() {
        let migration = "ALTER TABLE empty ADD COLUMN x int; \
            ALTER TABLE empty ALTER COLUMN x SET NOT NULL";
        let case = Case::new(version, SETUP, migration).await;
        let refusal = case.refusal().await;
        assert_eq!(refusal.rule, "missing-up");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renamed_index_gets_its_name_back_and_a_name_that_is_taken_is_refused() {
    for version in server::versions() {
        let setup = "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE INDEX t_n ON t (n); \
            CREATE TABLE other (id int)";
        let names = "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class \
            WHERE relkind = 'i' AND relnamespace = 'public'::regnamespace";
        let rename = "ALTER INDEX t_n RENAME TO by_n; ALTER INDEX t_pkey RENAME TO t_key";
        let case = Case::new(version, setup, rename).await;
        case.migrate().await;
        case.is(names, "by_n,t_pkey").await;
        case.rollback().await;
        case.is(names, "t_n,t_pkey").await;
        case.contract().await;
        case.is(names, "by_n,t_key").await;
        let case = Case::new(version, setup, "CREATE INDEX t_n ON other (id)").await;
        assert_eq!(case.refusal().await.rule, "fails");
    }
}
