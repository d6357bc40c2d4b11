//! Somebody holds ACCESS EXCLUSIVE: who it is is said after a moment, and the command ends in time.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::run::{Outcome, folder, zdm};
use crate::support::server::{fresh_database, run, versions};

const SETUP: &str =
    "CREATE TABLE users (id bigint PRIMARY KEY, name text, kind text DEFAULT 'none' CHECK (kind <> ''));
    INSERT INTO users SELECT n, 'name ' || n FROM generate_series(1, 100) n;
    CREATE INDEX by_lower ON users (lower(kind)) WHERE id > 3;
    CREATE VIEW shown AS SELECT id, name FROM users;
    CREATE MATERIALIZED VIEW kept AS SELECT id FROM users;
    CREATE TABLE parts (id int, note text) PARTITION BY RANGE ((id + 1));
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (9);";

const FILES: &[(&str, &str)] = &[
    (
        "migrations/1_rename.sql",
        "ALTER TABLE users RENAME COLUMN name TO full_name;\n",
    ),
    ("zdm.toml", "[locks]\nbudget = \"4s\"\n"),
];

const LOCK: &str = "SET application_name = 'nightly load'; BEGIN;
    LOCK TABLE users, parts, shown IN ACCESS EXCLUSIVE MODE;
    REFRESH MATERIALIZED VIEW kept";

/// Each command on its own, all at once.
fn at_once(url: &str, commands: &[&[&str]]) -> Vec<Outcome> {
    let here = folder(FILES);
    thread::scope(|scope| {
        let running: Vec<_> = commands
            .iter()
            .map(|arguments| {
                let mut all = arguments.to_vec();
                all.extend(["--database-url", url]);
                let here = here.path();
                scope.spawn(move || zdm(here, &all))
            })
            .collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_access_exclusive_is_named_and_waited_for_only_so_long() {
    for version in versions() {
        let db = fresh_database(version, SETUP).await;
        at_once(&db.url, &[&["adopt", "--from", "none"]]);
        let mut holder = db.connect().await;
        run(&mut holder, LOCK).await;
        let started = Instant::now();
        let commands: &[&[&str]] = &[
            &["plan"],
            &["plan", "--format", "json"],
            &["apply", "--dry-run"],
            &["apply"],
            &["stats", "--sample", "0s"],
        ];
        for (outcome, arguments) in at_once(&db.url, commands).iter().zip(commands) {
            let whole = format!("{version}, {arguments:?}: {}", outcome.whole());
            assert_eq!(outcome.code, 3, "{whole}");
            let said = &outcome.stderr;
            for words in [
                "reading the catalog: kept, parts, parts_1, shown, users is locked in ACCESS EXCLUSIVE mode",
                "(nightly load, ",
                "idle in transaction",
            ] {
                assert!(said.contains(words), "{whole}");
            }
            let error = [&outcome.stderr, &outcome.stdout]
                .iter()
                .any(|text| text.contains("stayed locked in ACCESS EXCLUSIVE mode for 4 s"));
            assert!(error, "{whole}");
        }
        assert!(started.elapsed() < Duration::from_secs(30));
        // What does not look at the relations does not wait.
        for outcome in at_once(&db.url, &[&["status"], &["verify"]]) {
            outcome.quiet(0);
        }
        // It is waited for, and then it goes on.
        let release = async {
            tokio::time::sleep(Duration::from_millis(2500)).await;
            run(&mut holder, "COMMIT").await;
        };
        let url = db.url.clone();
        let planning = tokio::task::spawn_blocking(move || at_once(&url, &[&["apply"]]).remove(0));
        release.await;
        let applied = planning.await.unwrap();
        assert_eq!(applied.code, 0, "{}", applied.whole());
        assert!(applied.stderr.contains("waits for"), "{}", applied.whole());

        run(&mut holder, LOCK).await;
        let outcomes = at_once(&db.url, &[&["verify"], &["rollback", "--yes"], &["status"]]);
        let (verify, rollback) = (&outcomes[0], &outcomes[1]);
        assert_eq!(verify.code, 3, "{version}: {}", verify.whole());
        assert!(
            verify.stderr.contains("counting rows: "),
            "{}",
            verify.whole()
        );
        assert_eq!(rollback.code, 3, "{version}: {}", rollback.whole());
        assert!(
            rollback.stderr.contains("nightly load"),
            "{}",
            rollback.whole()
        );
        assert_eq!(outcomes[2].code, 0, "{}", outcomes[2].whole());
    }
}

/// One who waits for the lock is as much in the way as one who has it: it is said behind whom.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_before_access_exclusive_is_told_with_its_head() {
    let version = *versions().first().unwrap();
    let db = fresh_database(version, SETUP).await;
    at_once(&db.url, &[&["adopt", "--from", "none"]]);
    let mut reader = db.connect().await;
    run(
        &mut reader,
        "SET application_name = 'long report'; BEGIN; SELECT FROM users",
    )
    .await;
    let url = db.url.clone();
    let waiting = tokio::spawn(async move {
        let mut waiter = crate::support::server::connect(&url).await;
        run(&mut waiter, "BEGIN; LOCK TABLE users; COMMIT").await;
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let outcome = at_once(&db.url, &[&["plan"]]).remove(0);
    assert_eq!(outcome.code, 3, "{}", outcome.whole());
    assert!(
        outcome.stderr.contains("users is locked") && outcome.stderr.contains("(long report, "),
        "{}",
        outcome.whole()
    );
    run(&mut reader, "COMMIT").await;
    waiting.await.unwrap();
    assert_eq!(at_once(&db.url, &[&["plan"]]).remove(0).code, 0);
}
