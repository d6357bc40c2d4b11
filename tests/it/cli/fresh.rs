//! The commands of a developer: a new file, everything plainly, and starting over.

use super::run::{Outcome, folder, zdm};
use crate::support::server::{Db, fresh_database, newest_version, versions};

fn on(db: &Db, here: &tempfile::TempDir, arguments: &[&str]) -> Outcome {
    let mut all = arguments.to_vec();
    all.extend(["--database-url", &db.url]);
    zdm(here.path(), &all)
}

fn states(db: &Db, here: &tempfile::TempDir) -> Vec<String> {
    let status = on(db, here, &["status", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    let migrations = value["migrations"].as_array().unwrap();
    migrations
        .iter()
        .map(|one| format!("{} {}", one["id"], one["state"]).replace('"', ""))
        .collect()
}

#[test]
fn a_new_file_goes_on_from_the_last_one_and_overwrites_nothing() {
    let here = folder(&[("migrations/0009_a.sql", "SELECT 1;")]);
    let made = zdm(here.path(), &["new", "Add", "e-mail"]).quiet(0);
    assert_eq!(made.trim(), "migrations/0010_add_e_mail.sql");
    let text = std::fs::read_to_string(here.path().join(made.trim())).unwrap();
    assert_eq!(text, "-- add e mail\n");
    let json = zdm(here.path(), &["new", "b", "--format", "json"]).quiet(0);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["id"], "0011");
    assert_eq!(value["files"][0], "migrations/0011_b.sql");
    let refused = zdm(here.path(), &["new", "!"]).refusal(2);
    assert!(refused.contains("no letter"), "{refused}");

    let empty = folder(&[]);
    let first = zdm(empty.path(), &["new", "people"]).quiet(0);
    assert_eq!(first.trim(), "migrations/0001_people.sql");
}

/// What cannot run in a transaction, what brings its own, and what a file sets for itself alone.
const FILES: &[(&str, &str)] = &[
    (
        "migrations/01_a.sql",
        "BEGIN;\nCREATE SCHEMA app;\nSET search_path = app;\nCREATE TABLE a (id int);\nCOMMIT;\n",
    ),
    (
        "migrations/02_b.sql",
        "CREATE TABLE b (id int); -- the path of the file before is gone\n",
    ),
    (
        "migrations/03_i.sql",
        "CREATE INDEX CONCURRENTLY i ON public.b (id);\nCREATE INDEX CONCURRENTLY j ON app.a (id)",
    ),
    (
        "migrations/04_e.sql",
        "CREATE TYPE mood AS ENUM ('ok'); ALTER TYPE mood ADD VALUE 'sad'; \
         CREATE TABLE m (m mood); INSERT INTO m VALUES ('sad');",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn everything_runs_plainly_on_an_empty_database_and_is_done() {
    for version in versions() {
        let db = fresh_database(version, "").await;
        let here = folder(FILES);
        let done = on(&db, &here, &["apply", "--fresh"]);
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (0, "4 migrations are done, 01 to 04.\n"),
            "{}",
            done.whole()
        );
        assert_eq!(
            states(&db, &here),
            ["01 done", "02 done", "03 done", "04 done"]
        );
        db.run("SELECT FROM app.a; SELECT FROM public.b; SELECT FROM public.m")
            .await;
        db.run("DO $$ BEGIN ASSERT to_regclass('app.j') IS NOT NULL; END $$")
            .await;
        assert_eq!(
            on(&db, &here, &["apply", "--fresh"]).quiet(0),
            "Nothing is pending.\n"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_statement_is_shown_in_its_file_and_leaves_nothing_of_it() {
    let db = fresh_database(newest_version(), "").await;
    let here = folder(&[
        ("migrations/1_a.sql", "CREATE TABLE a (id int);\n"),
        (
            "migrations/2_b.sql",
            "CREATE TABLE b (id int);\nALTER TABLE b\n    DROP COLUMN nothing;\n",
        ),
    ]);
    let failed = on(&db, &here, &["apply", "--fresh"]);
    assert_eq!(failed.code, 1, "{}", failed.whole());
    for part in [
        "migrations/2_b.sql:2:1",
        "DROP COLUMN nothing",
        "2 failed: column \"nothing\" of relation \"b\" does not exist",
    ] {
        assert!(failed.stderr.contains(part), "{}", failed.whole());
    }
    assert_eq!(states(&db, &here), ["1 done", "2 pending"]);
    db.run("DO $$ BEGIN ASSERT to_regclass('b') IS NULL; END $$")
        .await;
    std::fs::write(
        here.path().join("migrations/2_b.sql"),
        "CREATE TABLE b (id int);",
    )
    .unwrap();
    assert_eq!(on(&db, &here, &["apply", "--fresh"]).stdout, "2 is done.\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_be_connected() {
    let db = fresh_database(newest_version(), "").await;
    let here = folder(&[("migrations/1_a.sql", "CREATE TABLE a (id int);\n")]);
    let other = db.connect().await;
    for arguments in [["apply", "--fresh"], ["reset", "--yes"]] {
        let refused = on(&db, &here, &arguments).refusal(1);
        assert!(
            refused.contains("other sessions are connected to this database: "),
            "{refused}"
        );
    }
    drop(other);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_leaves_the_files_and_how_the_database_was_made() {
    for version in versions() {
        let db = fresh_database(version, "CREATE TABLE old (id int)").await;
        let here = folder(&[("migrations/1_a.sql", "CREATE TABLE a (id int);\n")]);
        db.run(&format!(
            "ALTER DATABASE {0} SET work_mem = '5MB'; ALTER DATABASE {0} SET search_path = \"$user\", public",
            db.name
        ))
        .await;
        let refused = on(&db, &here, &["reset"]).refusal(1);
        assert!(refused.contains("Everything in the database"), "{refused}");
        let done = on(&db, &here, &["reset", "--yes"]);
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (0, "1 is done.\n"),
            "{}",
            done.whole()
        );
        db.run(
            "DO $$ BEGIN
               ASSERT to_regclass('old') IS NULL AND to_regclass('a') IS NOT NULL;
               ASSERT current_setting('work_mem') = '5MB';
               ASSERT current_setting('search_path') = '\"$user\", public';
             END $$",
        )
        .await;
    }
}
