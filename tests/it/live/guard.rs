//! The lock guard against every kind of session that may be in the way.

use std::time::{Duration, Instant};

use sqlx::PgConnection;
use zdm::{
    effects::LockMode::{AccessExclusive, ShareRowExclusive},
    execute::{EventKind, GuardOutcome, run_guarded},
    plan::Guard,
};

use crate::support::{
    runner::{Runner, lock, sql, until, work},
    server::{newest_version, run, versions},
};

pub(super) const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int); \
                     INSERT INTO t SELECT n, n FROM generate_series(1, 1000) n;";
const TWO_TABLES: &str = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY); \
                          INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);";
pub(super) const STEP: &str = "expand-1";

/// A client with a lock, in a transaction of its own.
pub(super) async fn client(runner: &Runner, statement: &str) -> PgConnection {
    let mut conn = runner.db.connect().await;
    run(
        &mut conn,
        &format!("SET application_name = 'report'; BEGIN; {statement}"),
    )
    .await;
    conn
}

pub(super) async fn pid(conn: &mut PgConnection) -> i32 {
    sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(conn)
        .await
        .expect("answers")
}

/// Runs `ALTER TABLE t ADD COLUMN z` under guard.
pub(super) async fn add_column(
    runner: &mut Runner,
) -> Result<GuardOutcome, zdm::execute::ExecuteError> {
    let locks = [lock("t", AccessExclusive)];
    let statements = sql(["ALTER TABLE t ADD COLUMN z int -- a comment"]);
    run_guarded(&mut runner.guard(), &work(STEP, &locks, &statements)).await
}

pub(super) async fn columns(runner: &mut Runner) -> i64 {
    runner
        .watch
        .value::<i64>("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'")
        .await
        .expect("answers")
}

#[tokio::test]
async fn a_free_table_is_changed_and_recorded_at_once() {
    for version in versions() {
        let mut runner = Runner::new(version, TABLE, &[STEP]).await;
        let outcome = add_column(&mut runner).await.unwrap();
        assert_eq!((outcome.attempts, columns(&mut runner).await), (1, 3));
        assert_eq!(runner.step_state(STEP).await, "done");
        assert_eq!(runner.locks_held().await, 0);
        let kinds = runner.events();
        assert!(
            matches!(
                kinds.as_slice(),
                [EventKind::LockAcquired { relations, .. }, EventKind::LockHeld { .. }]
                if *relations == ["t"]
            ),
            "{kinds:?}"
        );
        let kept = runner
            .watch
            .value::<i64>("SELECT count(*) FROM zdm.events WHERE event ->> 'event' = 'lock_held'")
            .await
            .unwrap();
        assert_eq!(kept, 1, "how long locks were held is evidence");
    }
}

/// The reason for all of this: while something long is in the way, clients with short queries
/// are never held up for longer than the ladder allows.
#[tokio::test]
async fn nobody_waits_behind_zdm_while_a_long_transaction_is_in_the_way() {
    for version in versions() {
        let mut runner = Runner::new(version, TABLE, &[STEP]).await;
        let mut blocker = client(&runner, "SELECT count(*) FROM t").await;
        let blocker_pid = pid(&mut blocker).await;
        let url = runner.db.url.clone();
        let traffic = tokio::spawn(async move {
            let mut conn = crate::support::server::connect(&url).await;
            let (mut longest, mut requests) = (Duration::ZERO, 0);
            let started = Instant::now();
            while started.elapsed() < Duration::from_secs(5) {
                let asked = Instant::now();
                run(
                    &mut conn,
                    "UPDATE t SET a = a + 1 WHERE id = 7; SELECT * FROM t WHERE id = 7",
                )
                .await;
                longest = longest.max(asked.elapsed());
                requests += 1;
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            (longest, requests)
        });
        let release = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(3)).await;
            run(&mut blocker, "COMMIT").await;
        });
        let outcome = add_column(&mut runner).await.unwrap();
        release.await.unwrap();
        let (longest, requests) = traffic.await.unwrap();
        println!("PostgreSQL {version}: {requests} requests, the longest {longest:?}; {outcome:?}");
        assert!(
            longest < Duration::from_millis(400),
            "{longest:?} on {version}"
        );
        assert!(requests > 100 && columns(&mut runner).await == 3);
        let events = runner.events();
        let shown = events.iter().any(|event| match event {
            EventKind::Waiting { blockers, .. } => blockers.iter().any(|blocker| {
                blocker.pid == Some(blocker_pid)
                    && blocker.application.as_deref() == Some("report")
                    && blocker.state.as_deref() == Some("idle in transaction")
                    && blocker
                        .query
                        .as_deref()
                        .is_some_and(|query| query.contains("pg_backend_pid"))
                    && blocker.age_ms.is_some_and(|age| age >= 1000)
            }),
            _ => false,
        });
        assert!(
            shown,
            "the blocker is shown by pid, age and query: {events:?}"
        );
    }
}

/// Transactions too short to be waited for, one after another without a gap: looking says "go",
/// asking misses, and the queue is entered again and again for a moment only.
#[tokio::test]
async fn pitfall_61_the_ladder_gets_through_overlapping_short_transactions() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    let mut tasks = Vec::new();
    for offset in 0..3 {
        let url = runner.db.url.clone();
        tasks.push(tokio::spawn(async move {
            let mut conn = crate::support::server::connect(&url).await;
            tokio::time::sleep(Duration::from_millis(offset * 13)).await;
            let mut longest = Duration::ZERO;
            let started = Instant::now();
            while started.elapsed() < Duration::from_secs(3) {
                let asked = Instant::now();
                run(&mut conn, "BEGIN; SELECT FROM t LIMIT 1").await;
                longest = longest.max(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(40)).await;
                run(&mut conn, "COMMIT").await;
            }
            longest
        }));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let outcome = add_column(&mut runner).await.unwrap();
    for task in tasks {
        let longest = task.await.unwrap();
        assert!(longest < Duration::from_millis(400), "{longest:?}");
    }
    println!("{outcome:?}");
    assert!(outcome.waited <= Duration::from_millis(150), "{outcome:?}");
}

#[tokio::test]
async fn an_idle_transaction_elsewhere_is_not_in_the_way() {
    let setup = format!("{TABLE} CREATE TABLE other (id int)");
    let mut runner = Runner::new(newest_version(), &setup, &[STEP]).await;
    let _open = client(&runner, "SELECT * FROM other").await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let outcome = add_column(&mut runner).await.unwrap();
    assert_eq!(outcome.attempts, 1);
}

/// What an autovacuum worker or another DDL statement holds: SHARE UPDATE EXCLUSIVE. It is waited
/// for in that mode, which holds up nobody.
#[tokio::test]
async fn a_holder_of_share_update_exclusive_is_waited_for_without_holding_up_clients() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    let mut holder = client(&runner, "LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE").await;
    let url = runner.db.url.clone();
    let traffic = tokio::spawn(async move {
        let mut conn = crate::support::server::connect(&url).await;
        let mut longest = Duration::ZERO;
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(2) {
            let asked = Instant::now();
            run(&mut conn, "UPDATE t SET a = 1 WHERE id = 3").await;
            longest = longest.max(asked.elapsed());
        }
        longest
    });
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(800)).await;
        run(&mut holder, "COMMIT").await;
    });
    let outcome = add_column(&mut runner).await.unwrap();
    release.await.unwrap();
    let longest = traffic.await.unwrap();
    println!("longest {longest:?}; {outcome:?}");
    assert!(longest < Duration::from_millis(400), "{longest:?}");
}

/// A real autovacuum worker, kept busy by its cost limit: past `deadlock_timeout` the server
/// cancels it for whoever waits in the queue, which here is a wait that no client stands behind.
#[tokio::test]
async fn an_autovacuum_is_cancelled_by_the_server_and_nobody_waits() {
    let settings = zdm::sandbox::Settings {
        extra: [
            ("autovacuum", "on"),
            ("autovacuum_naptime", "1s"),
            ("track_counts", "on"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        ..Default::default()
    };
    let server = crate::support::server::private_server(newest_version(), &settings);
    let url = server.connection_url("postgres");
    let mut conn = crate::support::server::connect(&url).await;
    run(
        &mut conn,
        "CREATE TABLE t (id int PRIMARY KEY, a text) WITH (autovacuum_vacuum_threshold = 1, \
         autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, \
         autovacuum_vacuum_cost_limit = 1); \
         INSERT INTO t SELECT n, repeat('x', 200) FROM generate_series(1, 20000) n",
    )
    .await;
    run(&mut conn, "UPDATE t SET a = 'y'").await;
    until("autovacuum is at work", async || {
        let held: bool = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
             WHERE l.relation = 't'::regclass AND a.backend_type = 'autovacuum worker' \
             AND l.mode = 'ShareUpdateExclusiveLock')",
        )
        .fetch_one(&mut conn)
        .await
        .unwrap();
        held
    })
    .await;
    let target = zdm::db::Target::from_url(&url).unwrap();
    let db = crate::support::server::fresh_database(newest_version(), "").await;
    let mut runner = Runner::on(db, target, &[STEP]).await;
    let traffic = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(3) {
            let asked = Instant::now();
            run(&mut conn, "UPDATE t SET a = 'z' WHERE id = 3").await;
            longest = longest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        longest
    });
    let started = Instant::now();
    add_column(&mut runner).await.unwrap();
    let took = started.elapsed();
    let longest = traffic.await.unwrap();
    println!("past the autovacuum in {took:?}; the longest request {longest:?}");
    assert!(
        took > Duration::from_millis(900),
        "it was in the way: {took:?}"
    );
    assert!(longest < Duration::from_millis(400), "{longest:?}");
}

#[tokio::test]
async fn a_prepared_transaction_is_shown_and_waited_for() {
    let settings = zdm::sandbox::Settings {
        extra: vec![("max_prepared_transactions".to_owned(), "5".to_owned())],
        ..Default::default()
    };
    for version in versions() {
        let server = crate::support::server::private_server(version, &settings);
        let url = server.connection_url("postgres");
        let mut conn = crate::support::server::connect(&url).await;
        run(&mut conn, TABLE).await;
        run(
            &mut conn,
            "BEGIN; UPDATE t SET a = 2 WHERE id = 2; PREPARE TRANSACTION 'forgotten'",
        )
        .await;
        let target = zdm::db::Target::from_url(&url).unwrap();
        let db = crate::support::server::fresh_database(version, "").await;
        let mut runner = Runner::on(db, target, &[STEP]).await;
        runner.settings.locks.budget = Duration::from_millis(700);
        let spent = add_column(&mut runner).await.unwrap_err();
        assert_eq!((spent.code(), spent.exit().code()), ("lock-budget", 3));
        let next = spent.next().unwrap();
        assert!(
            next.contains("forgotten") && next.contains("prepared"),
            "{next}"
        );
        run(&mut conn, "COMMIT PREPARED 'forgotten'").await;
        add_column(&mut runner).await.unwrap();
    }
}

#[tokio::test]
async fn a_spent_budget_leaves_no_lock_and_no_change() {
    for version in versions() {
        let mut runner = Runner::new(version, TABLE, &[STEP]).await;
        let mut blocker = client(&runner, "SELECT count(*) FROM t").await;
        let blocker_pid = pid(&mut blocker).await;
        // Even if looking never helps, so that the ladder is climbed the whole time.
        for look_ahead in [Duration::from_secs(1), Duration::from_hours(1)] {
            runner.settings.locks.look_ahead = look_ahead;
            runner.settings.locks.budget = Duration::from_millis(1500);
            let started = Instant::now();
            let spent = add_column(&mut runner).await.unwrap_err();
            assert!(started.elapsed() < Duration::from_secs(5));
            assert_eq!((spent.code(), spent.exit().code()), ("lock-budget", 3));
            assert!(
                spent
                    .next()
                    .unwrap()
                    .contains(&format!("pid {blocker_pid}"))
            );
            assert_eq!(runner.locks_held().await, 0, "no lock is held");
            let open = runner
                .session
                .value::<bool>("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
                .await
                .unwrap();
            assert!(!open, "no transaction is open");
            assert_eq!(columns(&mut runner).await, 2);
            assert_eq!(runner.step_state(STEP).await, "pending");
        }
        let misses: Vec<u64> = runner
            .events()
            .into_iter()
            .filter_map(|event| match event {
                EventKind::LockMissed { waited_ms, .. } => Some(waited_ms),
                _ => None,
            })
            .collect();
        assert!(
            misses.len() > 3 && misses.iter().all(|waited| *waited <= 100),
            "{misses:?}"
        );
    }
}

/// The second table is asked for with NOWAIT, so that clients of the first one are
/// never held up while it is busy.
#[tokio::test]
async fn pitfall_62_clients_of_the_first_table_are_not_held_up_while_the_second_is_busy() {
    let mut runner = Runner::new(newest_version(), TWO_TABLES, &[STEP]).await;
    runner.settings.locks.look_ahead = Duration::from_hours(1);
    let mut blocker = client(&runner, "UPDATE b SET id = 1").await;
    let url = runner.db.url.clone();
    let traffic = tokio::spawn(async move {
        let mut conn = crate::support::server::connect(&url).await;
        let mut longest = Duration::ZERO;
        let started = Instant::now();
        while started.elapsed() < Duration::from_millis(2500) {
            let asked = Instant::now();
            run(&mut conn, "UPDATE a SET id = 1").await;
            longest = longest.max(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        longest
    });
    let release = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        run(&mut blocker, "COMMIT").await;
    });
    let locks = [lock("a", ShareRowExclusive), lock("b", ShareRowExclusive)];
    let statements =
        sql(["ALTER TABLE a ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES b NOT VALID"]);
    let outcome = run_guarded(&mut runner.guard(), &work(STEP, &locks, &statements))
        .await
        .unwrap();
    release.await.unwrap();
    let longest = traffic.await.unwrap();
    println!("the longest request on the first table {longest:?}; {outcome:?}");
    assert!(longest < Duration::from_millis(200), "{longest:?}");
    let missed: Vec<String> = runner
        .events()
        .into_iter()
        .filter_map(|event| match event {
            EventKind::LockMissed { relation, .. } => relation,
            _ => None,
        })
        .collect();
    // On a busy machine a client of the first one may be in the way now and then; while the second
    // is busy, it is the second that is asked for again and again, and never waited for.
    let of = |table: &str| missed.iter().filter(|missed| *missed == table).count();
    assert!(of("b") >= 3 && of("b") > 2 * of("a"), "{missed:?}");
}

/// A client that has read the table and then comes for a lock that conflicts even with the weak
/// one, at any moment of the ladder: it overtakes zdm, and never sees a deadlock (pitfall 55).
#[tokio::test]
async fn a_client_that_wants_more_never_meets_a_deadlock() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    runner.settings.locks.look_ahead = Duration::from_hours(1);
    let mut tasks = Vec::new();
    for offset in 0..12_u64 {
        let mut conn = client(&runner, "SELECT count(*) FROM t").await;
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100 + offset * 97)).await;
            let mode = if offset % 2 == 0 {
                "SHARE UPDATE EXCLUSIVE"
            } else {
                "SHARE"
            };
            let wanted = format!("LOCK TABLE t IN {mode} MODE; COMMIT");
            let result = crate::support::server::try_run(&mut conn, &wanted).await;
            result.err().map(|error| error.to_string())
        }));
    }
    add_column(&mut runner).await.unwrap();
    for task in tasks {
        assert_eq!(task.await.unwrap(), None);
    }
    assert_eq!(columns(&mut runner).await, 3);
}

#[tokio::test]
async fn pitfall_63_where_lock_table_may_not_the_statements_themselves_ask_with_a_short_timeout() {
    for version in versions() {
        let db = crate::support::server::fresh_database(version, TABLE).await;
        db.run(
            "DO $$ BEGIN CREATE ROLE zdm_owner LOGIN; EXCEPTION WHEN duplicate_object THEN END $$; \
             ALTER TABLE t OWNER TO zdm_owner; \
             REVOKE UPDATE, DELETE, TRUNCATE ON t FROM zdm_owner; \
             CREATE SCHEMA zdm AUTHORIZATION zdm_owner",
        )
        .await;
        if version >= 17 {
            db.run("REVOKE MAINTAIN ON t FROM zdm_owner").await;
        }
        let url = db.url.replace("user=postgres", "user=zdm_owner");
        let target = zdm::db::Target::from_url(&url).unwrap();
        let mut runner = Runner::on(db, target, &[STEP]).await;
        let mut blocker = client(&runner, "SELECT count(*) FROM t").await;
        let release = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(400)).await;
            run(&mut blocker, "COMMIT").await;
        });
        let outcome = add_column(&mut runner).await.unwrap();
        release.await.unwrap();
        assert!(outcome.attempts > 1, "{outcome:?}");
        assert_eq!(columns(&mut runner).await, 3);
    }
}

#[tokio::test]
async fn a_view_is_dropped_under_a_short_timeout() {
    let setup = format!("{TABLE} CREATE VIEW v AS SELECT id FROM t");
    let mut runner = Runner::new(newest_version(), &setup, &[STEP]).await;
    runner.settings.locks.look_ahead = Duration::from_hours(1);
    let mut blocker = client(&runner, "SELECT count(*) FROM v").await;
    let locks = [lock("v", AccessExclusive)];
    let statements = sql(["DROP VIEW v"]);
    let mut drop_view = work(STEP, &locks, &statements);
    drop_view.guard = Guard::Timeout;
    runner.settings.locks.budget = Duration::from_millis(800);
    let spent = run_guarded(&mut runner.guard(), &drop_view)
        .await
        .unwrap_err();
    assert_eq!(spent.code(), "lock-budget");
    assert_eq!(runner.locks_held().await, 0);
    run(&mut blocker, "COMMIT").await;
    run_guarded(&mut runner.guard(), &drop_view).await.unwrap();
}

#[tokio::test]
async fn an_error_of_the_statement_is_told_with_the_statement_and_changes_nothing() {
    let mut runner = Runner::new(newest_version(), TABLE, &[STEP]).await;
    let locks = [lock("t", AccessExclusive)];
    let statements = sql([
        "ALTER TABLE t ADD COLUMN z int",
        "ALTER TABLE t ADD CONSTRAINT c CHECK (a < 0)",
        "ALTER TABLE t ADD COLUMN y int",
    ]);
    let failed = run_guarded(&mut runner.guard(), &work(STEP, &locks, &statements))
        .await
        .unwrap_err();
    let zdm::execute::ExecuteError::StepFailed { error, .. } = &failed else {
        panic!("{failed:?}");
    };
    assert_eq!(error.sqlstate.as_deref(), Some("23514"));
    assert_eq!(error.statement.as_deref(), Some(statements[1].as_str()));
    assert_eq!(
        (columns(&mut runner).await, runner.locks_held().await),
        (2, 0)
    );
    assert_eq!(runner.step_state(STEP).await, "pending");
}
