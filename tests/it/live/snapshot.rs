//! The comparer of schemas and data notices every kind of difference, and nothing else.

use sqlx::PgConnection;

use crate::support::diff::unified;
use crate::support::server::{fresh_database, newest_version, run, versions};
use crate::support::snapshot::{Columns, catalog_snapshot, data_snapshot};

/// One object of every kind.
const SCHEMA: &str = include_str!("snapshot/schema.sql");

/// Runs the statement in a database with [`SCHEMA`]; returns what the snapshots before and after
/// differ in.
async fn difference(version: u32, columns: Columns, statement: &str) -> Option<String> {
    let db = fresh_database(version, SCHEMA).await;
    let mut conn = db.connect().await;
    let before = catalog_snapshot(&mut conn, columns).await;
    run(&mut conn, statement).await;
    let after = catalog_snapshot(&mut conn, columns).await;
    unified(&before, &after)
}

#[tokio::test]
async fn every_change_of_the_schema_is_noticed() {
    let version = newest_version();
    let before = fresh_database(version, SCHEMA).await;
    let before = catalog_snapshot(&mut before.connect().await, Columns::ByName).await;
    let mut missed = Vec::new();
    for line in include_str!("snapshot/changes.sql").lines() {
        let (statement, since) = line.split_once(" -- since ").unwrap_or((line, "14"));
        let since: u32 = since.parse().expect("a major version");
        if statement.is_empty() || statement.starts_with("--") || version < since {
            continue;
        }
        let db = fresh_database(version, SCHEMA).await;
        let mut conn = db.connect().await;
        run(&mut conn, statement).await;
        if before == catalog_snapshot(&mut conn, Columns::ByName).await {
            missed.push(statement);
        }
    }
    assert!(missed.is_empty(), "not noticed:\n{}", missed.join("\n"));
}

#[tokio::test]
async fn a_difference_is_shown_as_a_unified_diff() {
    let statement = "ALTER TABLE app.users ALTER COLUMN name SET DEFAULT 'nobody'";
    let diff = difference(newest_version(), Columns::ByName, statement)
        .await
        .expect("differs");
    assert!(
        diff.contains("\n+app.users.name: default 'nobody'::text"),
        "{diff}"
    );
    let changed = diff
        .lines()
        .filter(|line| line.starts_with(['+', '-']))
        .count();
    assert_eq!(changed, 3, "two headers and one line are expected:\n{diff}");
}

#[tokio::test]
async fn the_same_script_gives_the_same_snapshot_on_every_version() {
    for version in versions() {
        let (one, two) = (
            fresh_database(version, SCHEMA).await,
            fresh_database(version, "").await,
        );
        assert_ne!(one.name, two.name);
        let mut one = one.connect().await;
        let mut two = two.connect().await;
        // Identifiers of objects and transactions differ from here on.
        run(&mut two, "CREATE TABLE passing (n int); DROP TABLE passing").await;
        run(&mut two, SCHEMA).await;
        for columns in [Columns::ByName, Columns::InOrder] {
            let expected = catalog_snapshot(&mut one, columns).await;
            assert!(
                expected.contains("app.users.name: text not null"),
                "{expected}"
            );
            assert_eq!(
                unified(&expected, &catalog_snapshot(&mut two, columns).await),
                None
            );
        }
        assert_eq!(data_snapshot(&mut one).await, data_snapshot(&mut two).await);
    }
}

#[tokio::test]
async fn the_order_of_columns_counts_only_when_it_is_asked_for() {
    let statement = "ALTER TABLE app.plain ADD COLUMN again integer; \
                     UPDATE app.plain SET again = id; \
                     ALTER TABLE app.plain DROP COLUMN id; \
                     ALTER TABLE app.plain RENAME COLUMN again TO id";
    let version = newest_version();
    assert_eq!(difference(version, Columns::ByName, statement).await, None);
    assert!(
        difference(version, Columns::InOrder, statement)
            .await
            .is_some()
    );
}

#[tokio::test]
async fn the_journal_schema_does_not_show() {
    let statement = "CREATE SCHEMA zdm; CREATE TABLE zdm.steps (id int PRIMARY KEY, s serial); \
                     CREATE FUNCTION zdm.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
                     CREATE TYPE zdm.state AS ENUM ('a'); CREATE VIEW zdm.v AS SELECT 1";
    assert_eq!(
        difference(newest_version(), Columns::ByName, statement).await,
        None
    );
}

async fn data_after(conn: &mut PgConnection, statement: &str) -> String {
    run(conn, statement).await;
    data_snapshot(conn).await
}

#[tokio::test]
async fn every_change_of_the_data_is_noticed_and_no_other() {
    let db = fresh_database(newest_version(), SCHEMA).await;
    let conn = &mut db.connect().await;
    let start = data_snapshot(conn).await;
    assert!(start.contains("app.plain: 3 rows"), "{start}");

    // The same rows in another order, in another place, and with the columns in another order.
    let same = data_after(conn, "UPDATE app.plain SET note = note WHERE id = 1").await;
    assert_eq!(start, same);
    let moved = "ALTER TABLE app.plain ADD COLUMN again integer; \
                 UPDATE app.plain SET again = id; ALTER TABLE app.plain DROP COLUMN id; \
                 ALTER TABLE app.plain RENAME COLUMN again TO id";
    assert_eq!(start, data_after(conn, moved).await);

    let mut last = start;
    for change in [
        "UPDATE app.plain SET note = NULL WHERE id = 2",
        "UPDATE app.plain SET note = '' WHERE id = 2",
        "INSERT INTO app.plain (id, note) VALUES (3, 'c')",
        "UPDATE app.plain SET note = CASE id WHEN 1 THEN '' ELSE 'a' END WHERE id IN (1, 2)",
        "DELETE FROM app.plain WHERE id = 1",
        "INSERT INTO app.readings VALUES ('2024-05-01', 2)",
        "REFRESH MATERIALIZED VIEW app.totals",
        "CREATE TABLE app.more ()",
        "INSERT INTO app.more DEFAULT VALUES",
    ] {
        let now = data_after(conn, change).await;
        assert_ne!(last, now, "not noticed: {change}");
        last = now;
    }
}

#[tokio::test]
async fn databases_of_one_test_are_apart_and_templates_stay_as_they_were() {
    let setup = "CREATE TABLE t (n int); INSERT INTO t VALUES (1)";
    let version = newest_version();
    let first = fresh_database(version, setup).await;
    first.run("INSERT INTO t VALUES (2)").await;
    let second = fresh_database(version, setup).await;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM t")
        .fetch_one(&mut second.connect().await)
        .await
        .expect("counts");
    assert_eq!(count, 1);
}
