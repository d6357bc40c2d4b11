//! zdm, its connection or the server are killed; the same command goes on, or rollback goes back.

use std::time::Duration;

use zdm::{
    execute::{
        ExecuteError, ExitClass,
        apply::{ApplyError, Through},
        driver::Consent,
        event::EventKind,
        signals::Stop,
    },
    sandbox::Settings,
};

use crate::{
    live::case::{Case, text},
    support::{
        self,
        process::Process,
        server, snapshot,
        traffic::{Key, Shape, Side, Traffic},
    },
};

const ROWS: u32 = 1500;

/// A column with an index and NOT NULL is renamed, and a foreign key and a NOT NULL are added.
const MIGRATION: &str = "ALTER TABLE users RENAME COLUMN name TO full_name;
    ALTER TABLE users ALTER COLUMN parent SET NOT NULL;
    ALTER TABLE users ADD CONSTRAINT users_parent FOREIGN KEY (parent) REFERENCES parents;
    CREATE INDEX users_other ON users (other);";

fn shape() -> Shape {
    Shape::new("users", Key::Bigint, "name", "full_name")
}

fn setup() -> String {
    format!(
        "{} ALTER TABLE users ALTER COLUMN name SET NOT NULL; CREATE INDEX users_name ON users (name);",
        shape().setup(ROWS)
    )
}

async fn schema(url: &str) -> String {
    let mut conn = server::connect(url).await;
    snapshot::catalog_snapshot(&mut conn, snapshot::Columns::ByName).await
}

/// What stands before the migration and after it, as plain SQL leaves it.
async fn ends(version: u32) -> (String, String) {
    let plain = server::fresh_database(version, &setup()).await;
    let before = schema(&plain.url).await;
    plain.run(MIGRATION).await;
    (before, schema(&plain.url).await)
}

/// Kills a run of expand and migrate at one boundary, with old clients at work, and takes the
/// migration to its end.
async fn killed_and_resumed(version: u32, number: usize, after: &str) -> bool {
    let case = Case::new(version, &setup(), MIGRATION).await;
    let mut traffic = Traffic::new(&case.db.url, shape()).await;
    traffic.start(Side::Old);
    let killed = Process::apply(&case.db.url, MIGRATION, &[])
        .kill_after(number)
        .await;
    if killed {
        case.migrate().await;
    }
    traffic.start(Side::New);
    tokio::time::sleep(Duration::from_millis(50)).await;
    traffic.stop(Side::Old).await;
    case.verify().await;
    case.contract().await;
    traffic.stop(Side::New).await;
    traffic.check(Side::New).await;
    support::assert_same_text("the schema", after, &schema(&case.db.url).await);
    killed
}

/// The same, and takes it back.
async fn killed_and_rolled_back(version: u32, number: usize, before: &str) -> bool {
    let case = Case::new(version, &setup(), MIGRATION).await;
    let mut traffic = Traffic::new(&case.db.url, shape()).await;
    traffic.start(Side::Old);
    let killed = Process::apply(&case.db.url, MIGRATION, &[])
        .kill_after(number)
        .await;
    case.rollback_after_kill().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    traffic.stop(Side::Old).await;
    traffic.check(Side::Old).await;
    support::assert_same_text("the schema", before, &schema(&case.db.url).await);
    killed
}

/// Two versions share the work: one resumes where the other rolls back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_boundary_of_expand_and_migrate() {
    let versions = server::versions();
    let mut edges = Vec::new();
    for version in &versions {
        edges.push(ends(*version).await);
    }
    let mut number = 1;
    let mut alive = false;
    while !alive {
        for (at, version) in versions.iter().enumerate() {
            alive |= if (number + at) % 2 == 0 {
                !killed_and_resumed(*version, number, &edges[at].1).await
            } else {
                !killed_and_rolled_back(*version, number, &edges[at].0).await
            };
        }
        number += 1;
    }
    println!("{} boundaries", number - 2);
    assert!(number > 20, "only {number} boundaries");
}

/// Contract: whatever happened, the same command ends it, or rollback refuses or goes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_each_boundary_of_contract() {
    for version in server::versions() {
        let (before, after) = ends(version).await;
        let mut number = 1;
        let mut alive = false;
        let (mut back, mut forward) = (0, 0);
        while !alive {
            let case = Case::new(version, &setup(), MIGRATION).await;
            let mut traffic = Traffic::new(&case.db.url, shape()).await;
            case.migrate().await;
            traffic.start(Side::New);
            alive = !Process::apply(&case.db.url, MIGRATION, &["--phase", "contract"])
                .kill_after(number)
                .await;
            traffic.stop(Side::New).await;
            let undone = if number % 2 == 0 {
                case.try_rollback(Consent::None).await
            } else {
                Err(stopped())
            };
            match undone {
                Ok(()) => {
                    back += 1;
                    traffic.check(Side::Old).await;
                    support::assert_same_text("the schema", &before, &schema(&case.db.url).await);
                }
                Err(error) => {
                    if number % 2 == 0 {
                        assert_eq!(error.exit(), ExitClass::Refused, "{error:#?}");
                    }
                    forward += 1;
                    if !alive {
                        case.contract().await;
                    }
                    traffic.check(Side::New).await;
                    support::assert_same_text("the schema", &after, &schema(&case.db.url).await);
                }
            }
            number += 1;
        }
        println!("PostgreSQL {version}: {back} times back, {forward} times to the end");
        assert!(back > 0 && forward > 1);
    }
}

fn stopped() -> ExecuteError {
    ExecuteError::Stopped {
        why: "not tried".into(),
    }
}

/// A table large enough to be interrupted in, and a value that no row gets twice.
const TOKENS: &str = "CREATE TABLE users (k bigint PRIMARY KEY, name text, other int, parent int, filler text);
    INSERT INTO users SELECT n, 'row ' || n, 0, 1, repeat('f', 200) FROM generate_series(1, 15000) n; ANALYZE users;
    CREATE TABLE parents (id int PRIMARY KEY, note int); INSERT INTO parents SELECT generate_series(1, 50);
    CREATE SEQUENCE numbers;";
const NUMBER: &str =
    "ALTER TABLE users ADD COLUMN number bigint NOT NULL DEFAULT nextval('numbers');";

/// Waits for the first progress of the backfill.
fn in_backfill(case: &mut Case) -> tokio::task::JoinHandle<()> {
    case.run.runner.backfill.limits.max_window = 25;
    let (_, empty) = tokio::sync::mpsc::unbounded_channel();
    let mut events = std::mem::replace(&mut case.run.events, empty);
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            if matches!(event.kind, EventKind::BackfillProgress { .. }) {
                return;
            }
        }
    })
}

fn execute_error(
    result: Result<zdm::execute::journal::MigrationState, ApplyError>,
) -> ExecuteError {
    match result {
        Ok(state) => panic!("it went on to {state}"),
        Err(ApplyError::Execute(error)) => error,
        Err(error) => panic!("{error:#?}"),
    }
}

/// Goes on, and no row is filled twice: each has its number, and none was taken and dropped but by
/// passes that were rolled back.
async fn resumes(case: &Case, filled: &str) {
    let before = case.text(filled).await;
    case.migrate().await;
    case.is(filled, &before).await;
    case.is("SELECT count(*) - count(DISTINCT number) FROM users", "0")
        .await;
    case.contract().await;
    case.is(filled, &before).await;
}

/// What the rows that are filled now hold, whatever is filled later.
async fn filled_now(case: &Case) -> String {
    let count: i64 = case
        .text("SELECT count(*) FROM users WHERE number IS NOT NULL")
        .await
        .parse()
        .unwrap();
    assert!(count > 0 && count < 15000, "{count} rows are filled");
    case.sql("CREATE TABLE public.kept AS SELECT k, number FROM users WHERE number IS NOT NULL")
        .await;
    "SELECT concat(count(*), ' ', sum(hashint8(users.number))) FROM users JOIN kept USING (k, number)".to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_connection_is_cut_in_the_middle_of_a_backfill() {
    for version in server::versions() {
        let mut case = Case::new(version, TOKENS, NUMBER).await;
        let progress = in_backfill(&mut case);
        let (result, ()) = tokio::join!(case.try_apply(Through::Default), async {
            progress.await.unwrap();
            case.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE application_name = 'zdm run' AND datname = current_database()",
            )
            .await;
        });
        let error = execute_error(result);
        assert_eq!(error.exit(), ExitClass::Stopped, "{error:#?}");
        let filled = filled_now(&case).await;
        resumes(&case, &filled).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_asked_to_stop_in_the_middle_of_a_backfill() {
    for version in server::versions() {
        let mut case = Case::new(version, TOKENS, NUMBER).await;
        let progress = in_backfill(&mut case);
        let (result, ()) = tokio::join!(case.try_apply(Through::Default), async {
            progress.await.unwrap();
            case.run.runner.stop.request();
        });
        let error = execute_error(result);
        assert_eq!(error.exit().code(), 3, "{error:#?}");
        case.run.runner.stop = Stop::new();
        let filled = filled_now(&case).await;
        resumes(&case, &filled).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_crashes_in_the_middle_of_a_backfill() {
    for version in server::versions() {
        let mut sandbox = server::private_server(
            version,
            &Settings {
                fsync: true,
                ..Settings::default()
            },
        );
        let db = server::private_database(&sandbox, version, TOKENS).await;
        let url = db.url.clone();
        let mut case = Case::on(db, &url, NUMBER).await;
        let progress = in_backfill(&mut case);
        let crash = async {
            progress.await.unwrap();
            // An acknowledged write of a client, on a row that may be filled or not.
            case.sql("INSERT INTO users (k, name) VALUES (-1, 'acknowledged'); UPDATE users SET name = 'acknowledged' WHERE k = 15000").await;
            sandbox.crash().unwrap();
            sandbox
        };
        let (result, mut sandbox) = tokio::join!(case.try_apply(Through::Default), crash);
        let error = execute_error(result);
        assert_eq!(error.exit(), ExitClass::Stopped, "{error:#?}");
        sandbox.start_again().unwrap();
        let filled = filled_now(&case).await;
        resumes(&case, &filled).await;
        case.is(
            "SELECT string_agg(name, ',') FROM users WHERE k IN (-1, 15000)",
            "acknowledged,acknowledged",
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_runner_is_refused_while_one_runs() {
    for version in server::versions() {
        let mut case = Case::new(version, TOKENS, NUMBER).await;
        let progress = in_backfill(&mut case);
        let (first, (second, back)) = tokio::join!(case.try_apply(Through::Default), async {
            progress.await.unwrap();
            (
                case.try_apply(Through::Default).await,
                case.try_rollback(Consent::None).await,
            )
        });
        first.unwrap();
        for error in [execute_error(second), back.unwrap_err()] {
            assert_eq!(
                (error.code(), error.exit().code()),
                ("second-runner", 1),
                "{error:#?}"
            );
        }
        let mut conn = case.db.connect().await;
        assert_eq!(
            text(&mut conn, "SELECT count(*) FROM users WHERE number IS NULL").await,
            "0"
        );
        case.contract().await;
    }
}
