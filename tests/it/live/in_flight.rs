//! Several migrations at once: which run beside each other, which wait, which are refused.

use std::time::Duration;

use zdm::{
    db::{Session, Target},
    execute::{
        ExecuteError,
        apply::{Applied, ApplyError, ApplyRequest, MigrationFile, OutOfOrder, Through, apply},
        driver::Consent,
        event::EventKind,
        journal::MigrationState,
        rollback::rollback,
    },
    parse::PhaseName,
};

use super::apply::{Run, adopt, file, request, run_on};
use crate::support::{
    runner::until,
    server::{self, Db},
};

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, mail text);
    INSERT INTO users SELECT n, 'user ' || n, 'mail ' || n FROM generate_series(1, 2000) n;
    CREATE INDEX users_name_mail ON users (name, mail);
    CREATE TABLE other (id int PRIMARY KEY);";

const RENAME: &str = "ALTER TABLE users RENAME COLUMN name TO full_name;";

async fn database(version: u32) -> (Db, Run) {
    let db = server::fresh_database(version, USERS).await;
    let run = run_on(&db);
    adopt(&run).await;
    (db, run)
}

pub(super) fn only(id: &str, through: Through) -> ApplyRequest {
    ApplyRequest {
        only: vec![id.to_owned()],
        ..request(through)
    }
}

pub(super) async fn applied(
    run: &Run,
    files: &[MigrationFile],
    request: &ApplyRequest,
) -> Vec<MigrationState> {
    let applied: Vec<Applied> = apply(&run.runner, files, request)
        .await
        .unwrap_or_else(|error| panic!("{error}: {error:?}"));
    applied.iter().map(|one| one.state).collect()
}

pub(super) async fn refused(
    run: &Run,
    files: &[MigrationFile],
    request: &ApplyRequest,
) -> ExecuteError {
    match apply(&run.runner, files, request).await {
        Err(ApplyError::Execute(error)) => error,
        other => panic!("{other:?}"),
    }
}

async fn text(run: &Run, query: &str) -> String {
    let mut session = Session::open(&run.runner.target, "test").await.unwrap();
    session.value::<String>(query).await.unwrap()
}

fn notes(run: &mut Run) -> String {
    let mut notes = String::new();
    while let Ok(event) = run.events.try_recv() {
        if let EventKind::Note { message: text } = event.kind {
            notes.push_str(&text);
            notes.push('\n');
        }
    }
    notes
}

#[tokio::test]
async fn another_column_of_the_same_table_does_not_wait_for_a_contract() {
    for version in server::versions() {
        let (db, mut run) = database(version).await;
        let files = [
            file("1", RENAME),
            file("2", "ALTER TABLE users ADD COLUMN age int;"),
        ];
        assert_eq!(
            applied(&run, &files, &request(Through::Default)).await,
            // The second has nothing to do in contract and breaks nobody: it is through.
            [MigrationState::Migrated, MigrationState::Done]
        );
        db.run("INSERT INTO users (id, name, age) VALUES (-1, 'old', 3)")
            .await;
        // The contract of the first sees the column of the second, and it is of no concern.
        assert_eq!(
            applied(&run, &files, &request(Through::All)).await,
            [MigrationState::Done]
        );
        let notes = notes(&mut run);
        assert!(notes.contains("column age is new"), "{notes}");
        db.run("UPDATE users SET full_name = 'x', age = 4 WHERE id = -1")
            .await;
    }
}

#[tokio::test]
async fn what_shares_a_column_is_queued_behind_the_contract_of_the_other() {
    let (_db, run) = database(server::newest_version()).await;
    for second in [
        "CREATE INDEX i ON users (name);",
        "ALTER TABLE users DROP COLUMN name;",
        // An index on both columns would be made anew by both.
        "ALTER TABLE users RENAME COLUMN mail TO email;",
        "CREATE VIEW v AS SELECT * FROM users;",
        // It cannot be planned while the column of that name is there.
        "ALTER TABLE users ADD COLUMN full_name text;",
    ] {
        let files = [file("1", RENAME), file("2", second)];
        let error = refused(&run, &files, &request(Through::Default)).await;
        assert_eq!(
            (error.code(), error.exit().code()),
            ("queued", 3),
            "{second}"
        );
        assert!(
            error
                .to_string()
                .starts_with("2 is queued behind 1 (test), which is migrated and touches users"),
            "{error}"
        );
        assert_eq!(error.next().unwrap(), "Run zdm apply 1 --phase contract.");
        let queued = "SELECT concat_ws(' ', state, queued_behind, queued_why) \
                      FROM zdm.migrations WHERE id = '2'";
        assert_eq!(text(&run, queued).await, format!("queued 1 {error}"));
    }
    let files = [
        file("1", RENAME),
        file("2", "CREATE INDEX i ON users (full_name);"),
    ];
    // Nothing of it is in the tables: it is neither taken back nor in the way of anybody.
    let error = rollback(&run.runner, Some("2"), Consent::Given)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.exit().code()), ("no-plan", 1));
    // It leaves the queue by itself as soon as the other is through.
    assert_eq!(
        applied(&run, &files, &request(Through::All)).await,
        [MigrationState::Done, MigrationState::Done]
    );
}

#[tokio::test]
async fn what_a_later_migration_stands_on_is_not_taken_back() {
    let (_db, run) = database(server::newest_version()).await;
    let files = [
        file("1", "ALTER TABLE users ADD COLUMN age int;"),
        file("2", "CREATE INDEX users_age ON users (age);"),
    ];
    assert_eq!(
        applied(&run, &files, &request(Through::All)).await,
        [MigrationState::Done, MigrationState::Done]
    );
    let error = rollback(&run.runner, Some("1"), Consent::Given)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.exit().code()), ("depended-on", 1));
    assert!(error.to_string().contains("2 (test)"), "{error}");
    assert!(error.next().unwrap().contains("zdm rollback 2"));
    for id in ["2", "1"] {
        rollback(&run.runner, Some(id), Consent::Given)
            .await
            .unwrap_or_else(|error| panic!("{id}: {error:?}"));
    }
}

#[tokio::test]
async fn a_late_id_is_accepted_when_it_shares_nothing_and_recorded() {
    let (_db, run) = database(server::newest_version()).await;
    let files = [
        file("1", "ALTER TABLE other ADD COLUMN a int;"),
        file("2", "ALTER TABLE users ADD COLUMN age int;"),
    ];
    applied(&run, &files, &only("2", Through::All)).await;
    applied(&run, &files, &only("1", Through::All)).await;
    let query = "SELECT string_agg(id || out_of_order, ',' ORDER BY id) FROM zdm.migrations";
    assert_eq!(text(&run, query).await, "1true,2false");
}

#[tokio::test]
async fn a_late_id_that_shares_something_is_refused_with_both_names() {
    let (_db, run) = database(server::newest_version()).await;
    let files = [
        file(
            "1",
            "ALTER TABLE users ALTER COLUMN mail SET DEFAULT 'none';",
        ),
        file("2", "CREATE INDEX users_mail ON users (mail);"),
        file("3", "ALTER TABLE other ADD COLUMN a int;"),
    ];
    applied(&run, &files, &only("2", Through::All)).await;
    let error = refused(&run, &files, &only("1", Through::All)).await;
    assert_eq!((error.code(), error.exit().code()), ("out-of-order", 1));
    assert!(
        error.to_string().contains("1 comes before 2 (test)")
            && error.to_string().contains("users"),
        "{error}"
    );
}

#[tokio::test]
async fn a_late_id_is_always_refused_when_order_is_strict() {
    let (_db, run) = database(server::newest_version()).await;
    let files = [
        file("1", "ALTER TABLE other ADD COLUMN a int;"),
        file("2", "ALTER TABLE users ADD COLUMN age int;"),
    ];
    applied(&run, &files, &only("2", Through::All)).await;
    let strict = ApplyRequest {
        out_of_order: OutOfOrder::Refuse,
        ..only("1", Through::All)
    };
    let error = refused(&run, &files, &strict).await;
    assert_eq!((error.code(), error.exit().code()), ("out-of-order", 1));
    assert!(error.to_string().contains("[order] strict"), "{error}");
}

#[tokio::test]
async fn a_hotfix_runs_beside_a_long_backfill_and_what_meets_it_is_told_how_far_it_is() {
    for version in server::versions() {
        let (db, long) = database(version).await;
        let files = [
            file("1", RENAME),
            file(
                "2",
                "ALTER TABLE other ADD COLUMN a int; CREATE INDEX o ON other (a);",
            ),
            file("3", "CREATE INDEX users_name ON users (name);"),
        ];
        applied(&long, &files, &only("1", Through::Phase(PhaseName::Expand))).await;
        // A client holds the last row, so that the backfill cannot end.
        let mut client = db.connect().await;
        server::run(
            &mut client,
            "BEGIN; SELECT FROM users WHERE id = 2000 FOR UPDATE",
        )
        .await;
        let runner = long.runner.clone();
        let all = files.clone();
        let backfill =
            tokio::spawn(async move { apply(&runner, &all, &only("1", Through::Default)).await });
        let mut hotfix = run_on(&db);
        hotfix.runner.target = Target::from_url(&db.url).unwrap();
        until("the backfill is under way", async || {
            text(
                &hotfix,
                "SELECT coalesce(max(state), '') FROM zdm.steps WHERE kind = 'backfill'",
            )
            .await
                == "running"
        })
        .await;
        assert_eq!(
            applied(&hotfix, &files, &only("2", Through::All)).await,
            [MigrationState::Done]
        );
        let error = refused(&hotfix, &files, &only("3", Through::All)).await;
        assert_eq!((error.code(), error.exit().code()), ("queued", 3));
        assert!(error.to_string().contains("which is migrating"), "{error}");
        assert!(error.next().unwrap().contains("zdm rollback 1"));
        // A second run of the same migration is turned away politely.
        let error = refused(&hotfix, &files, &only("1", Through::Default)).await;
        assert_eq!((error.code(), error.exit().code()), ("second-runner", 1));
        assert!(!backfill.is_finished());
        server::run(&mut client, "COMMIT").await;
        let done = tokio::time::timeout(Duration::from_mins(1), backfill)
            .await
            .expect("it ends")
            .unwrap()
            .unwrap();
        assert_eq!(done[0].state, MigrationState::Migrated);
    }
}

#[tokio::test]
async fn of_two_runs_that_take_up_the_same_column_at_once_never_both_go_on() {
    for _ in 0..4 {
        let (db, one) = database(server::newest_version()).await;
        let two = run_on(&db);
        let files = [
            file("1", RENAME),
            file("2", "ALTER TABLE users RENAME COLUMN name TO called;"),
        ];
        let (first, second) = (only("1", Through::Default), only("2", Through::Default));
        let (left, right) = tokio::join!(
            apply(&one.runner, &files, &first),
            apply(&two.runner, &files, &second)
        );
        let mut went_on = 0;
        for result in [left, right] {
            match result {
                Ok(_) => went_on += 1,
                Err(ApplyError::Execute(error)) => assert_eq!(error.code(), "queued", "{error:?}"),
                // The other one's columns were there already when the plan was made.
                Err(ApplyError::Plan { .. }) => {}
            }
        }
        assert!(went_on <= 1, "both went on");
        let in_flight = text(
            &one,
            "SELECT count(*)::text FROM zdm.migrations WHERE state <> 'queued'",
        )
        .await;
        assert_eq!(in_flight, went_on.to_string());
    }
}

/// What somebody else does between migrate and contract of a rename, whether that changes what
/// contract has to do, and what zdm says of it.
const DRIFTS: &[(&str, bool, &str)] = &[
    (
        "ALTER TABLE users ADD COLUMN surprise int",
        false,
        "column surprise is new",
    ),
    (
        "CREATE INDEX surprise ON users (mail)",
        false,
        "index surprise is new",
    ),
    (
        "CREATE INDEX surprise ON users (name)",
        true,
        "index surprise is new",
    ),
    (
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
         CREATE TRIGGER surprise BEFORE UPDATE OF name ON users FOR EACH ROW EXECUTE FUNCTION f()",
        true,
        "trigger surprise is new",
    ),
    (
        "CREATE POLICY surprise ON users USING (name <> '')",
        true,
        "policy surprise is new",
    ),
    (
        "CREATE TABLE orders (id int, user_id bigint REFERENCES users)",
        false,
        "public.orders has a new foreign key to what is changed",
    ),
    (
        "ALTER TABLE users ALTER COLUMN name SET DEFAULT 'x'",
        true,
        "column name: default was nothing",
    ),
];

#[tokio::test]
async fn a_change_between_the_phases_is_told_and_stops_only_what_it_changes() {
    for version in server::versions() {
        for (change, stops, said) in DRIFTS {
            let (db, mut run) = database(version).await;
            let files = [file("1", RENAME)];
            applied(&run, &files, &request(Through::Default)).await;
            db.run(change).await;
            if *stops {
                let error = refused(&run, &files, &request(Through::All)).await;
                assert_eq!(
                    (error.code(), error.exit().code()),
                    ("drift", 1),
                    "{change}"
                );
                assert!(error.to_string().contains(said), "{change}: {error}");
                let state = text(&run, "SELECT state FROM zdm.migrations").await;
                assert_eq!(state, "migrated", "nothing was begun");
            } else {
                assert_eq!(
                    applied(&run, &files, &request(Through::All)).await,
                    [MigrationState::Done],
                    "{change}"
                );
                let notes = notes(&mut run);
                assert!(notes.contains(said), "{change}: {notes}");
            }
        }
    }
}

#[tokio::test]
async fn contract_waits_for_its_window_and_for_both_shapes_to_have_stood() {
    let (_db, mut run) = database(server::newest_version()).await;
    let files = [
        file("1", RENAME),
        file("2", "ALTER TABLE other ADD COLUMN a int;"),
    ];
    run.runner.settings.contract.min_age = Duration::from_hours(24);
    let error = refused(&run, &files, &request(Through::All)).await;
    assert_eq!((error.code(), error.exit().code()), ("contract-window", 1));
    assert!(error.to_string().contains("min_age"), "{error}");
    assert!(error.next().unwrap().contains("--ignore-window"));
    run.runner.settings.contract.min_age = Duration::ZERO;
    // Half a day from now on: closed whatever the time is.
    let hour = (jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .hour()
        + 12)
        % 24;
    let text = format!("{hour:02}:00-{hour:02}:30");
    run.runner.settings.contract.windows = zdm::execute::window::parse(&text).unwrap();
    let error = refused(&run, &files, &request(Through::All)).await;
    assert_eq!(error.code(), "contract-window");
    assert!(
        error.to_string().contains(&format!("{hour:02}:00 UTC")),
        "{error}"
    );
    // Where contract has nothing to do, nothing waits.
    assert_eq!(
        applied(&run, &files, &only("2", Through::All)).await,
        [MigrationState::Done]
    );
    run.runner.settings.contract = zdm::execute::window::ContractTimes::default();
    assert_eq!(
        applied(&run, &files, &request(Through::All)).await,
        [MigrationState::Done]
    );
}

/// A phase that is asked for without an id, when nothing is ready for it: a success only while
/// nothing is in flight.
#[tokio::test]
async fn a_phase_for_which_nothing_is_ready_is_no_success_while_something_is_in_flight() {
    let contract = request(Through::Phase(PhaseName::Contract));
    let migrate = request(Through::Phase(PhaseName::Migrate));
    for version in server::versions() {
        let (_db, run) = database(version).await;
        let files = [
            file("1", RENAME),
            file("2", "CREATE INDEX by_name ON users (name);"),
        ];
        let nothing: [MigrationState; 0] = [];
        assert_eq!(applied(&run, &files, &contract).await, nothing);

        let expand = only("1", Through::Phase(PhaseName::Expand));
        applied(&run, &files, &expand).await;
        let early = refused(&run, &files, &contract).await;
        assert_eq!((early.code(), early.exit().code()), ("phase-order", 1));
        assert_eq!(
            early.to_string(),
            "contract of 1 comes after migrate, and 1 is expanded"
        );
        assert_eq!(
            early.next().unwrap(),
            "Run zdm apply 1 --phase migrate first."
        );
        let gone = refused(&run, &[], &contract).await;
        assert_eq!((gone.code(), gone.exit().code()), ("unknown-migration", 1));

        let queued = refused(&run, &files, &request(Through::Default)).await;
        assert_eq!(queued.code(), "queued");
        let queued = refused(&run, &files, &migrate).await;
        assert_eq!((queued.code(), queued.exit().code()), ("queued", 3));
        assert_eq!(queued.next().unwrap(), "Run zdm apply 1 --phase contract.");

        assert_eq!(
            applied(&run, &files, &contract).await,
            [MigrationState::Done]
        );
        let early = refused(&run, &files, &contract).await;
        assert_eq!(
            early.to_string(),
            "contract of 2 comes after migrate, and 2 is queued"
        );
        assert_eq!(early.next().unwrap(), "Run zdm apply 2 first.");
        let files = [
            file("1", RENAME),
            file("2", "CREATE INDEX by_name ON users (full_name);"),
        ];
        applied(&run, &files, &request(Through::Default)).await;
        assert_eq!(applied(&run, &files, &contract).await, nothing);
    }
}

/// What is done because contract had nothing to do is what whoever has just run it wants back.
#[tokio::test]
async fn a_rollback_without_an_id_names_what_is_done_and_takes_no_older_one_instead() {
    for version in server::versions() {
        let (_db, run) = database(version).await;
        let back = async |id| rollback(&run.runner, id, Consent::Given).await;
        let nothing = back(None).await.unwrap_err();
        assert_eq!(nothing.code(), "nothing-to-roll-back");

        let files = [
            file("1", RENAME),
            file("2", "ALTER TABLE users ADD COLUMN age int;"),
        ];
        applied(&run, &files, &request(Through::Default)).await;
        let refusal = back(None).await.unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.exit().code()),
            ("rollback-ambiguous", 1)
        );
        assert_eq!(
            refusal.next().unwrap(),
            "Say which: zdm rollback 2, or zdm rollback 1."
        );
        assert_eq!(back(Some("2")).await.unwrap().id, "2");
        assert_eq!(back(None).await.unwrap().id, "1");

        applied(&run, &files, &only("2", Through::Default)).await;
        let refusal = back(None).await.unwrap_err();
        assert_eq!(refusal.code(), "nothing-to-roll-back");
        assert_eq!(refusal.next().unwrap(), "Run zdm rollback 2.");
        assert_eq!(back(Some("2")).await.unwrap().id, "2");

        // Where contract has taken something away, nothing else is offered.
        applied(&run, &files, &only("1", Through::All)).await;
        let refusal = back(None).await.unwrap_err();
        assert!(
            refusal.to_string().contains("cannot be taken back"),
            "{refusal}"
        );
        assert_eq!(refusal.next().unwrap(), "Undo 1 by a new migration.");
        let unknown = back(Some("7")).await.unwrap_err();
        assert_eq!(unknown.to_string(), "7 has not been started");
    }
}
