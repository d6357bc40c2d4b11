//! The lease: one runner at a time, and a dead one does not keep the others waiting.

use std::time::{Duration, Instant};

use zdm::execute::{ExecuteError, lease::Sessions};

use crate::support::{
    runner::{MIGRATION, Runner, second_lease, until},
    server::{newest_version, versions},
};

#[tokio::test]
async fn a_second_runner_is_refused_and_told_who_is_at_work() {
    for version in versions() {
        let mut runner = Runner::new(version, "", &["expand-1", "expand-2"]).await;
        assert_eq!(runner.lease.sessions(), Sessions::Real);
        runner
            .journal
            .step_done(&mut runner.session, "expand-1", &runner.lease)
            .await
            .unwrap();
        let refused = second_lease(&mut runner).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.exit().code()),
            ("second-runner", 1)
        );
        let text = refused.to_string();
        assert!(
            text.contains("test pid 1") && text.contains("1 of 2 steps"),
            "{text}"
        );
        runner.lease.check().unwrap();
    }
}

#[tokio::test]
async fn a_released_lease_is_free_and_its_token_grows() {
    let mut runner = Runner::new(newest_version(), "", &[]).await;
    let first = runner.lease.token();
    let other = {
        let main = runner.session.pid();
        let acquire = |id: &'static str| {
            zdm::execute::Lease::acquire(
                &runner.target,
                &runner.journal,
                id,
                "test",
                main,
                &runner.settings.lease,
            )
        };
        acquire("0043")
            .await
            .expect("another migration is another lease")
    };
    let old = std::mem::replace(&mut runner.lease, other);
    old.release().await;
    let again = second_lease(&mut runner).await.unwrap();
    assert!(again.token() > first);
}

#[tokio::test]
async fn the_lease_of_a_holder_whose_backend_is_gone_is_taken_over_at_once() {
    for version in versions() {
        let mut runner = Runner::new(version, "", &["expand-1"]).await;
        let old_token = runner.lease.token();
        let pid = runner
            .watch
            .value::<i32>("SELECT pid FROM zdm.leases")
            .await
            .unwrap();
        // What happens to the connections of a process that is killed.
        runner
            .watch
            .run(&format!("SELECT pg_terminate_backend({pid}, 5000)"))
            .await
            .unwrap();
        let started = Instant::now();
        let new = second_lease(&mut runner).await.unwrap();
        assert!(
            started.elapsed() < Duration::from_secs(2),
            "{:?}",
            started.elapsed()
        );
        assert!(new.token() > old_token);

        // The one that was taken for dead wakes up: the database refuses what it writes.
        let Runner {
            session,
            journal,
            lease,
            ..
        } = &mut runner;
        session
            .run("BEGIN; CREATE TABLE made_too_late ()")
            .await
            .unwrap();
        let refused = journal
            .step_done(session, "expand-1", lease)
            .await
            .unwrap_err();
        assert_eq!((refused.code(), refused.exit().code()), ("lease-lost", 3));
        assert!(refused.to_string().contains(MIGRATION), "{refused}");
        session.run("COMMIT").await.unwrap();
        let made = session
            .value::<bool>("SELECT to_regclass('made_too_late') IS NOT NULL")
            .await
            .unwrap();
        assert!(!made, "the refusal has aborted the transaction");
        journal.step_done(session, "expand-1", &new).await.unwrap();
    }
}

#[tokio::test]
async fn a_lease_without_signs_of_life_expires_and_its_holder_learns_of_it() {
    let mut runner = Runner::new(newest_version(), "", &["expand-1"]).await;
    // A holder behind a pooler: a missing backend says nothing there.
    let mut settings = runner.settings.lease.clone();
    settings.ttl = Duration::from_millis(600);
    settings.heartbeat = Duration::from_millis(200);
    let mut other = Runner::new(newest_version(), "", &["expand-1"]).await;
    std::mem::swap(&mut runner.settings.lease, &mut settings);
    let pid = other.session.pid();
    let lease = zdm::execute::Lease::acquire(
        &other.target,
        &other.journal,
        "0050",
        "pooled",
        pid,
        &runner.settings.lease,
    )
    .await
    .unwrap();
    let run = async |other: &mut Runner, sql: &str| other.watch.run(sql).await.unwrap();
    // It lives on as long as it gives signs of life.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    lease.check().unwrap();
    run(
        &mut other,
        "UPDATE zdm.leases SET token = token + 1 WHERE migration_id = '0050'",
    )
    .await;
    until("the holder learns of it", async || lease.check().is_err()).await;
    let lost = lease.check().unwrap_err();
    assert!(matches!(lost, ExecuteError::LeaseLost { .. }));
    lease.lost().await;

    // Without a sign of life it is free after its time, also where the backend says nothing.
    run(
        &mut other,
        "UPDATE zdm.leases SET pooled = true, pid = 1, expires_at = clock_timestamp() + interval '1 s' \
         WHERE migration_id = '0050'",
    )
    .await;
    let acquire = async || {
        zdm::execute::Lease::acquire(
            &other.target,
            &other.journal,
            "0050",
            "next",
            pid,
            &runner.settings.lease,
        )
        .await
    };
    let refused = acquire().await.unwrap_err();
    assert_eq!(
        refused.code(),
        "second-runner",
        "a missing backend says nothing behind a pooler"
    );
    until("it has expired", async || acquire().await.is_ok()).await;
}

#[tokio::test]
async fn taking_over_waits_for_what_the_old_holder_is_writing() {
    let mut runner = Runner::new(newest_version(), "", &["expand-1"]).await;
    runner.session.run("BEGIN").await.unwrap();
    runner
        .journal
        .step_done(&mut runner.session, "expand-1", &runner.lease)
        .await
        .unwrap();
    let pid = runner
        .watch
        .value::<i32>("SELECT pid FROM zdm.leases")
        .await
        .unwrap();
    runner
        .watch
        .run(&format!("SELECT pg_terminate_backend({pid}, 5000)"))
        .await
        .unwrap();
    let target = runner.target.clone();
    let journal = runner.journal.clone();
    let settings = runner.settings.lease.clone();
    let main = runner.session.pid();
    let taking = tokio::spawn(async move {
        zdm::execute::Lease::acquire(&target, &journal, MIGRATION, "next", main, &settings).await
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!taking.is_finished(), "the old holder may still commit");
    runner.session.run("COMMIT").await.unwrap();
    taking.await.unwrap().unwrap();
    assert_eq!(runner.step_state("expand-1").await, "done", "and it counts");
}
