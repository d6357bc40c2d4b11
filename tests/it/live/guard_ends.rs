//! How guarded statements end: too late, stopped, fenced off, refused.

use super::guard::{STEP, TABLE, add_column, client, columns, pid};
use std::time::{Duration, Instant};

use zdm::{
    effects::LockMode::AccessExclusive,
    execute::{EventKind, Hold, JournalEntry, run_guarded},
    plan::Guard,
};

use crate::support::{
    runner::{Runner, lock, plan, sql, work},
    server::{newest_version, run, versions},
};

#[tokio::test]
async fn statements_that_hold_strong_locks_for_too_long_are_cancelled() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    runner.settings.locks.hold = Duration::from_millis(200);
    let locks = [lock("t", AccessExclusive)];
    let statements = sql(["ALTER TABLE t ADD COLUMN z int", "SELECT pg_sleep(20)"]);
    let started = Instant::now();
    let failed = run_guarded(&mut runner.guard(), &work(STEP, &locks, &statements))
        .await
        .unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(failed.code(), "step-failed");
    assert!(failed.next().unwrap().contains("200 ms"), "{failed:?}");
    assert_eq!(
        (columns(&mut runner).await, runner.locks_held().await),
        (2, 0)
    );
}

#[tokio::test]
async fn a_wish_to_stop_ends_the_waiting() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    let _blocker = client(&runner, "SELECT count(*) FROM t").await;
    let stop = runner.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        stop.request();
    });
    let started = Instant::now();
    let stopped = add_column(&mut runner).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!((stopped.code(), stopped.exit().code()), ("stopped", 3));
    assert_eq!(runner.locks_held().await, 0);
}

#[tokio::test]
async fn a_second_wish_to_stop_cancels_a_long_statement() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    let statements = sql(["SELECT pg_sleep(60)"]);
    let mut long = work(STEP, &[], &statements);
    (long.guard, long.hold) = (Guard::None, Hold::Long);
    let stop = runner.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.request();
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.request();
    });
    let started = Instant::now();
    let stopped = run_guarded(&mut runner.guard(), &long).await.unwrap_err();
    let took = started.elapsed();
    assert!(
        took > Duration::from_millis(1200) && took < Duration::from_secs(5),
        "{took:?}"
    );
    assert_eq!(stopped.code(), "stopped");
    assert_eq!(runner.step_state(STEP).await, "pending");
}

#[tokio::test]
async fn blockers_are_ended_only_when_that_was_asked_for() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    runner.settings.locks.terminate_blockers_older_than = Some(Duration::from_millis(1200));
    let mut blocker = client(&runner, "SELECT count(*) FROM t").await;
    add_column(&mut runner).await.unwrap();
    assert!(
        crate::support::server::try_run(&mut blocker, "SELECT 1")
            .await
            .is_err(),
        "its connection is closed"
    );
    let told = runner.events().into_iter().any(
        |event| matches!(event, EventKind::Note { message } if message.starts_with("ended pid")),
    );
    assert!(told);
}

/// One DDL slot per database: a run beside another waits without holding anything.
#[tokio::test]
async fn locking_steps_of_two_runs_come_one_after_the_other() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    let mut other = runner.db.connect().await;
    run(
        &mut other,
        "BEGIN; SELECT pg_advisory_xact_lock(8021613, 1)",
    )
    .await;
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        run(&mut other, "COMMIT").await;
    });
    let started = Instant::now();
    add_column(&mut runner).await.unwrap();
    assert!(started.elapsed() > Duration::from_millis(450));
    release.await.unwrap();
    let told = runner.events().into_iter().any(
        |event| matches!(event, EventKind::Waiting { what, .. } if what.contains("another run")),
    );
    assert!(told);
}

#[tokio::test]
async fn names_are_looked_up_as_the_plan_says_and_objects_belong_to_the_role() {
    let setup = "CREATE SCHEMA app; CREATE TABLE app.t (id int); CREATE TABLE t (id int)";
    let mut runner = Runner::new(newest_version(), setup, &[STEP, "expand-2"]).await;
    runner
        .db
        .run(
            "DO $$ BEGIN CREATE ROLE zdm_app; EXCEPTION WHEN duplicate_object THEN END $$; \
             GRANT ALL ON SCHEMA app TO zdm_app; ALTER TABLE app.t OWNER TO zdm_app",
        )
        .await;
    runner.settings.role = Some(zdm::ident::Ident::exact("zdm_app"));
    let path = [zdm::ident::Ident::exact("app")];
    let locks = [zdm::effects::RelationLock {
        relation: zdm::ident::ObjectName::new(path[0].clone(), zdm::ident::Ident::exact("t")),
        mode: AccessExclusive,
    }];
    let statements = sql([
        "ALTER TABLE t ADD COLUMN z int",
        "CREATE TABLE made (id int)",
    ]);
    let mut named = work(STEP, &locks, &statements);
    named.search_path = &path;
    run_guarded(&mut runner.guard(), &named).await.unwrap();
    let owner = runner
        .watch
        .value::<String>("SELECT tableowner::text FROM pg_tables WHERE schemaname = 'app' AND tablename = 'made'")
        .await
        .unwrap();
    assert_eq!(owner, "zdm_app");
    assert_eq!(
        runner.step_state(STEP).await,
        "done",
        "written as the journal's owner"
    );
    let left = runner
        .session
        .value::<String>("SELECT current_user || ' ' || current_setting('search_path') || ' ' || current_setting('synchronous_commit')")
        .await
        .unwrap();
    assert_eq!(
        left, "postgres \"$user\", public on",
        "nothing leaks out of the transaction"
    );
    // Nothing recorded is nothing recorded.
    let mut silent = work("expand-2", &[], &statements[..0]);
    silent.record = JournalEntry::Nothing;
    run_guarded(&mut runner.guard(), &silent).await.unwrap();
    assert_eq!(runner.step_state("expand-2").await, "pending");
}

#[tokio::test]
async fn pitfall_64_the_commit_under_a_strong_lock_waits_for_no_standby() {
    let mut runner = Runner::new(newest_version(), "CREATE TABLE t (id int)", &[STEP]).await;
    let statements =
        sql(["CREATE TABLE seen AS SELECT current_setting('synchronous_commit') AS it"]);
    let locks = [zdm::effects::RelationLock {
        relation: zdm::ident::ObjectName::public("t"),
        mode: AccessExclusive,
    }];
    run_guarded(&mut runner.guard(), &work(STEP, &locks, &statements))
        .await
        .unwrap();
    let seen = runner.watch.value::<String>("SELECT it FROM seen").await;
    assert_eq!(seen.unwrap(), "local");
    let after = runner
        .session
        .value::<String>("SELECT current_setting('synchronous_commit')")
        .await;
    assert_eq!(after.unwrap(), "on", "of the rest of the session");
}

#[tokio::test]
async fn a_stolen_lease_stops_the_step_before_its_statements() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    runner
        .db
        .run("UPDATE zdm.leases SET token = token + 1")
        .await;
    let refused = add_column(&mut runner).await.unwrap_err();
    assert_eq!((refused.code(), refused.exit().code()), ("lease-lost", 3));
    assert_eq!(
        (columns(&mut runner).await, runner.locks_held().await),
        (2, 0)
    );
    let record = runner
        .journal
        .load(&mut runner.session, "0042")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        record.plan.unwrap().steps().count(),
        plan(&[STEP]).steps().count()
    );
}

#[tokio::test]
async fn pitfall_65_without_pg_monitor_blockers_are_found_in_pg_locks() {
    for version in versions() {
        let db = crate::support::server::fresh_database(version, TABLE).await;
        db.run(
            "DO $$ BEGIN CREATE ROLE zdm_blind LOGIN; EXCEPTION WHEN duplicate_object THEN END $$; \
             ALTER TABLE t OWNER TO zdm_blind; CREATE SCHEMA zdm AUTHORIZATION zdm_blind",
        )
        .await;
        let url = db.url.replace("user=postgres", "user=zdm_blind");
        let target = zdm::db::Target::from_url(&url).unwrap();
        let mut runner = Runner::on(db, target, &[STEP]).await;
        let mut blocker = client(&runner, "SELECT count(*) FROM t").await;
        let blocker_pid = pid(&mut blocker).await;
        let release = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(2)).await;
            run(&mut blocker, "COMMIT").await;
        });
        add_column(&mut runner).await.unwrap();
        release.await.unwrap();
        let shown = runner.events().into_iter().any(|event| match event {
            EventKind::Waiting { blockers, .. } => blockers
                .iter()
                .any(|blocker| blocker.pid == Some(blocker_pid) && blocker.age_ms.is_none()),
            _ => false,
        });
        assert!(
            shown,
            "it is waited for, though its age cannot be seen, on {version}"
        );
    }
}
