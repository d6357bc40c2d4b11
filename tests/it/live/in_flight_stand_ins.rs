//! What names a table while another migration has a view in its place, or moves one of its columns.

use zdm::execute::{apply::Through, journal::MigrationState};

use super::{
    apply::{Run, adopt, file, request, run_on},
    in_flight::{applied, only, refused},
};
use crate::support::server::{self, Db};

const TABLES: &str = "CREATE TABLE t (id int PRIMARY KEY, name text UNIQUE);
    INSERT INTO t SELECT n, 'name ' || n FROM generate_series(1, 100) n;
    CREATE TABLE u (id int PRIMARY KEY);";

const RENAME: &str = "ALTER TABLE t RENAME COLUMN name TO full_name;";

const BY_VIEW: &str = "-- zdm: strategy view\nALTER TABLE t RENAME COLUMN name TO full_name;";

const RENAME_TABLE: &str = "ALTER TABLE t RENAME TO people;";

/// What reads the columns of the table as a whole, or its renamed one as a key.
const READERS: &[&str] = &[
    "CREATE TABLE t2 (LIKE t INCLUDING ALL);",
    "CREATE TABLE t3 () INHERITS (t);",
    "CREATE TABLE t4 AS SELECT * FROM t;",
    "CREATE TABLE t5 (id int, c t);",
    "CREATE TABLE t6 (id int, c t[]);",
    "CREATE TABLE t7 (id int, tname text REFERENCES t (name));",
    "ALTER TABLE u ADD COLUMN c t;",
    "ALTER TABLE u ADD COLUMN c public.t[];",
    "ALTER TABLE u ADD COLUMN tname text REFERENCES t (name);",
];

/// What works with a table of that name, or tells of it, and with a view not or otherwise.
const NAMERS: &[&str] = &[
    "ALTER TABLE t ADD COLUMN c int;",
    "ALTER TABLE IF EXISTS t ADD COLUMN c int;",
    "ALTER TABLE public.\"t\" DROP COLUMN name;",
    "CREATE INDEX i ON t (id);",
    "CREATE INDEX i ON t (full_name);",
    "DROP TABLE t;",
    "ANALYZE t;",
    "CREATE TABLE t8 (id int REFERENCES t);",
    "ALTER TABLE u ADD COLUMN tid int REFERENCES t (id);",
    "ALTER TABLE u ADD CONSTRAINT u_t FOREIGN KEY (id) REFERENCES t;",
    "CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql AS 'SELECT * FROM t';",
    "INSERT INTO u SELECT id FROM t;",
];

const OF_OTHERS: &str = "CREATE TABLE v (LIKE u INCLUDING ALL, t_name text);
    ALTER TABLE u ADD COLUMN v_id int REFERENCES v;
    CREATE INDEX u_v ON u (v_id); -- not on t
    COMMENT ON TABLE u IS 'beside t';";

async fn database(version: u32) -> (Db, Run) {
    let db = server::fresh_database(version, TABLES).await;
    let run = run_on(&db);
    adopt(&run).await;
    (db, run)
}

/// Takes `first` to the end of migrate and asserts that each of `seconds` is queued behind it and
/// runs when that is through, and that what is about other tables does not wait.
async fn all_queued(first: &str, seconds: &[&[&str]]) {
    for version in server::versions() {
        let (_db, run) = database(version).await;
        let first = file("1", first);
        assert_eq!(
            applied(
                &run,
                std::slice::from_ref(&first),
                &request(Through::Default)
            )
            .await,
            [MigrationState::Migrated]
        );
        for second in seconds.concat() {
            let files = [first.clone(), file("2", second)];
            let error = refused(&run, &files, &request(Through::Default)).await;
            assert_eq!(
                (error.code(), error.exit().code()),
                ("queued", 3),
                "{second}: {error}"
            );
            assert!(
                error
                    .to_string()
                    .starts_with("2 is queued behind 1 (test), which is migrated and touches t"),
                "{second}: {error}"
            );
            assert_eq!(error.next().unwrap(), "Run zdm apply 1 --phase contract.");
        }
        let files = [first.clone(), file("3", OF_OTHERS)];
        assert_eq!(
            applied(&run, &files, &only("3", Through::Default)).await,
            [MigrationState::Done],
        );
        let files = [first, file("2", "ALTER TABLE t ADD COLUMN c int;")];
        assert_eq!(
            applied(&run, &files, &request(Through::All)).await,
            [MigrationState::Done, MigrationState::Done]
        );
    }
}

#[tokio::test]
async fn what_takes_over_columns_of_a_table_is_queued_behind_a_rename_of_one() {
    all_queued(RENAME, &[READERS]).await;
}

#[tokio::test]
async fn what_names_a_table_is_queued_while_a_view_stands_in_its_place() {
    all_queued(BY_VIEW, &[READERS, NAMERS]).await;
}

#[tokio::test]
async fn what_names_a_view_that_bears_the_coming_name_of_a_table_is_queued() {
    for version in server::versions() {
        let (_db, run) = database(version).await;
        let first = file("1", RENAME_TABLE);
        applied(
            &run,
            std::slice::from_ref(&first),
            &request(Through::Default),
        )
        .await;
        for second in [
            "ALTER TABLE people ADD COLUMN c int;",
            "CREATE TABLE copy (LIKE people);",
            "ANALYZE people;",
        ] {
            let files = [first.clone(), file("2", second)];
            let error = refused(&run, &files, &request(Through::Default)).await;
            assert_eq!(error.code(), "queued", "{second}: {error}");
        }
        let files = [first, file("2", "ALTER TABLE people ADD COLUMN c int;")];
        assert_eq!(
            applied(&run, &files, &request(Through::All)).await,
            [MigrationState::Done, MigrationState::Done]
        );
    }
}
