//! Statements outside transactions: builds that fail leave nothing behind.

use std::time::{Duration, Instant};

use zdm::{
    execute::{
        EventKind, ExecuteError, JournalEntry,
        guard::{BareIndex, BareOutcome, BareWork, run_bare},
        settings::OnStop,
    },
    ident::ObjectName,
};

use crate::support::{
    runner::{Runner, sql, until},
    server::{newest_version, run, versions},
};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int); \
                     INSERT INTO t SELECT n, n FROM generate_series(1, 1000) n;";
const STEP: &str = "migrate-1";

/// Builds the unique index `ix` on `t (a)`.
async fn build(runner: &mut Runner) -> Result<BareOutcome, ExecuteError> {
    let (index, table) = (ObjectName::public("ix"), ObjectName::public("t"));
    let statements = sql(["CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)"]);
    runner
        .journal
        .step_running(&mut runner.session, STEP, &runner.lease)
        .await
        .expect("answers");
    let work = BareWork {
        step: STEP,
        statements: &statements,
        search_path: &[],
        index: Some(BareIndex::Create {
            index: &index,
            table: &table,
        }),
        record: JournalEntry::StepDone(STEP),
    };
    run_bare(&mut runner.guard(), &work).await
}

async fn index(runner: &mut Runner) -> Option<bool> {
    runner
        .watch
        .rows("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix')")
        .await
        .expect("answers")
        .first()
        .map(|row| zdm::db::get::<bool>(row, 0).expect("a boolean"))
}

#[tokio::test]
async fn an_index_is_built_and_recorded_and_found_again() {
    for version in versions() {
        let mut runner = Runner::new(version, TABLE, &[STEP]).await;
        assert_eq!(build(&mut runner).await.unwrap(), BareOutcome::Run);
        assert_eq!(index(&mut runner).await, Some(true));
        assert_eq!(runner.step_state(STEP).await, "done");
        // As after a kill between the statement and its entry.
        runner
            .db
            .run("UPDATE zdm.steps SET state = 'running'")
            .await;
        assert_eq!(build(&mut runner).await.unwrap(), BareOutcome::AlreadyDone);
        assert_eq!(runner.step_state(STEP).await, "done");
        assert_eq!(runner.locks_held().await, 0);
    }
}

#[tokio::test]
async fn duplicates_leave_no_index_behind() {
    for version in versions() {
        let mut runner = Runner::new(version, TABLE, &[STEP]).await;
        runner.db.run("UPDATE t SET a = 1 WHERE id = 2").await;
        let failed = build(&mut runner).await.unwrap_err();
        assert_eq!((failed.code(), failed.exit().code()), ("step-failed", 1));
        assert!(failed.next().unwrap().contains("(a)=(1)"), "{failed:?}");
        assert_eq!(
            index(&mut runner).await,
            None,
            "it would refuse duplicates all the same"
        );
        runner.db.run("UPDATE t SET a = -1 WHERE id = 2").await;
        build(&mut runner).await.unwrap();
    }
}

#[tokio::test]
async fn a_leftover_of_an_earlier_run_is_dropped_and_built_again() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    runner.db.run("UPDATE t SET a = 1 WHERE id = 2").await;
    let mut conn = runner.db.connect().await;
    let failed =
        crate::support::server::try_run(&mut conn, "CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)");
    assert!(failed.await.is_err());
    runner.db.run("UPDATE t SET a = -1 WHERE id = 2").await;
    assert_eq!(index(&mut runner).await, Some(false));

    // The first attempt ever: whoever made it, it was not zdm.
    let refused = build(&mut runner).await.unwrap_err();
    assert_eq!((refused.code(), refused.exit().code()), ("index-exists", 1));
    assert_eq!(
        index(&mut runner).await,
        Some(false),
        "not ours, not touched"
    );

    // A second attempt: an earlier run of this step made it.
    assert_eq!(build(&mut runner).await.unwrap(), BareOutcome::Run);
    assert_eq!(index(&mut runner).await, Some(true));
}

#[tokio::test]
async fn what_a_build_waits_for_is_shown_and_the_deadline_cleans_up() {
    for version in versions() {
        let mut runner = Runner::new(version, TABLE, &[STEP]).await;
        runner.settings.bare.poll = Duration::from_millis(100);
        runner.settings.bare.deadline = Duration::from_millis(1500);
        let mut writer = runner.db.connect().await;
        run(
            &mut writer,
            "SET application_name = 'writer'; BEGIN; UPDATE t SET a = -5 WHERE id = 5",
        )
        .await;
        // The leftover can only be dropped when the writer is gone.
        let release = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(2200)).await;
            run(&mut writer, "COMMIT").await;
        });
        let overdue = build(&mut runner).await.unwrap_err();
        release.await.unwrap();
        assert_eq!(
            (overdue.code(), overdue.exit().code()),
            ("deadline", 3),
            "{overdue:?}"
        );
        assert!(overdue.next().unwrap().contains("writer"), "{overdue:?}");
        assert_eq!(index(&mut runner).await, None);
        let events = runner.events();
        let shown = events.iter().any(|event| {
            matches!(event, EventKind::Waiting { blockers, .. }
                if blockers.iter().any(|blocker| blocker.application.as_deref() == Some("writer")))
        });
        let progress = events
            .iter()
            .any(|event| matches!(event, EventKind::IndexProgress { .. }));
        assert!(shown && progress, "{events:?}");
    }
}

#[tokio::test]
async fn a_wish_to_stop_waits_for_the_build_or_cancels_it_as_set() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    runner.settings.bare.poll = Duration::from_millis(100);
    for (on_stop, left) in [(OnStop::Cancel, None), (OnStop::Wait, Some(true))] {
        runner.settings.bare.on_stop = on_stop;
        runner.stop = zdm::execute::Stop::new();
        let mut writer = runner.db.connect().await;
        run(&mut writer, "BEGIN; UPDATE t SET a = -5 WHERE id = 5").await;
        let stop = runner.stop.clone();
        let release = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            stop.request();
            tokio::time::sleep(Duration::from_millis(600)).await;
            run(&mut writer, "COMMIT").await;
        });
        let result = build(&mut runner).await;
        release.await.unwrap();
        match on_stop {
            OnStop::Cancel => assert_eq!(result.unwrap_err().code(), "stopped"),
            OnStop::Wait => assert_eq!(result.unwrap(), BareOutcome::Run),
        }
        assert_eq!(index(&mut runner).await, left);
    }
}

#[tokio::test]
async fn an_index_is_dropped_and_gone_is_done() {
    let setup = format!("{TABLE} CREATE INDEX ix ON t (a)");
    let mut runner = Runner::new(newest_version(), &setup, &[STEP]).await;
    let (index_name, table) = (ObjectName::public("ix"), ObjectName::public("t"));
    let statements = sql(["DROP INDEX CONCURRENTLY ix"]);
    let work = BareWork {
        step: STEP,
        statements: &statements,
        search_path: &[],
        index: Some(BareIndex::Drop {
            index: &index_name,
            table: &table,
        }),
        record: JournalEntry::StepDone(STEP),
    };
    assert_eq!(
        run_bare(&mut runner.guard(), &work).await.unwrap(),
        BareOutcome::Run
    );
    assert_eq!(index(&mut runner).await, None);
    assert_eq!(
        run_bare(&mut runner.guard(), &work).await.unwrap(),
        BareOutcome::AlreadyDone
    );
    assert_eq!(runner.step_state(STEP).await, "done");
}

/// A lease cannot fence what runs outside transactions: a build whose client was killed may still
/// be going on in the server for a moment.
#[tokio::test]
async fn a_statement_of_an_earlier_run_that_still_lives_is_waited_for() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    let mut earlier = zdm::db::Session::open(&runner.target, "earlier")
        .await
        .unwrap();
    zdm::execute::lease::hold_session(
        &mut earlier,
        &runner.lease,
        &runner.stop,
        Duration::from_secs(1),
    )
    .await
    .unwrap();
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(700)).await;
        drop(earlier);
    });
    let started = Instant::now();
    build(&mut runner).await.unwrap();
    assert!(started.elapsed() > Duration::from_millis(650));
    release.await.unwrap();
    until("nothing is held", async || runner.locks_held().await == 0).await;
}
