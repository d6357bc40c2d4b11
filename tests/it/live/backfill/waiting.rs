//! When the backfill waits: for snapshots, for locks, and because it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sqlx::Connection as _;
use zdm::execute::backfill::{Ended, Event, Order};
use zdm::execute::throttle::{Reason, WithoutMonitor};

use super::rig::Rig;
use super::{ROWS, USERS};
use crate::support::server::{newest_version, private_server, try_run};
use crate::support::{connect, fresh_database, run, versions};

// 56
#[tokio::test(flavor = "multi_thread")]
async fn old_snapshots_are_waited_for_and_named_and_in_the_end_not_waited_for() {
    for version in versions() {
        let settings = zdm::sandbox::Settings {
            extra: vec![("max_prepared_transactions".to_owned(), "5".to_owned())],
            ..zdm::sandbox::Settings::default()
        };
        let server = private_server(version, &settings);
        let url = server.connection_url("postgres");
        let mut conn = connect(&url).await;
        run(
            &mut conn,
            &format!(
                "{USERS}; ALTER TABLE users ADD COLUMN full_name text; \
             CREATE TABLE other (n int)"
            ),
        )
        .await;
        for script in [
            "BEGIN; INSERT INTO other VALUES (1); PREPARE TRANSACTION 'nightly job'",
            "VALUES (1)",
        ] {
            run(&mut conn, script).await;
        }
        let mut rig = Rig::new(&url, &["users"], "full_name", "name").await;
        rig.settings.limits.max_open = 40;
        rig.settings.patience = None;
        // It waits, says for whom, and goes on when that has ended.
        let events = Arc::clone(&rig.events);
        let committed = AtomicBool::new(false);
        let ended = rig.run(|| {
            let waits = events.lock().expect("events").iter().any(|event| {
                matches!(event, Event::WaitingForSnapshots { holder }
                    if holder.contains("the prepared transaction 'nightly job'"))
            });
            if waits && !committed.swap(true, Ordering::SeqCst) {
                tokio::task::block_in_place(|| {
                    tokio::runtime::Handle::current().block_on(async {
                        run(&mut connect(&url).await, "COMMIT PREPARED 'nightly job'").await;
                    });
                });
            }
            Order::Run
        });
        assert_eq!(ended.await.expect("fills"), Ended::Filled { rows: ROWS });
        assert!(committed.load(Ordering::SeqCst));
        assert!(rig.said(|event| matches!(event, Event::GoingOn { .. })));
        assert!(!rig.said(|event| matches!(event, Event::GrowthUnbounded { .. })));

        // With little patience it goes on, and says what that costs.
        run(
            &mut conn,
            "DELETE FROM checkpoint; UPDATE users SET full_name = NULL",
        )
        .await;
        run(&mut conn, "VACUUM FULL users").await;
        let mut old = connect(&url).await;
        run(
            &mut old,
            "SET application_name = 'report'; \
             BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM other",
        )
        .await;
        rig.settings.patience = Some(Duration::from_millis(300));
        rig.events.lock().expect("events").clear();
        assert!(matches!(rig.fill().await, Ended::Filled { .. }));
        assert!(
            rig.said(|event| matches!(event, Event::GrowthUnbounded { holder }
            if holder.contains("(report)")))
        );
        old.close().await.expect("closes");
        assert_eq!(
            rig.number("SELECT count(*) FROM users WHERE full_name IS NULL")
                .await,
            0
        );
    }
}

// 55
#[tokio::test(flavor = "multi_thread")]
async fn in_a_deadlock_the_backfill_loses() {
    for version in versions() {
        let setup = "CREATE TABLE users (id bigint PRIMARY KEY, name text); \
             INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 200) n; \
             CREATE FUNCTION slow(id bigint, name text) RETURNS text LANGUAGE plpgsql AS $$BEGIN \
                 IF id = 100 THEN PERFORM pg_sleep(0.3); END IF; RETURN name; END$$";
        let db = fresh_database(version, setup).await;
        let mut rig = Rig::renaming(&db).await;
        rig.backfill.set[0].value = "public.slow(id, name)".to_owned();
        rig.settings.limits.passes = 1;
        let mut client = connect(&db.url).await;
        run(
            &mut client,
            "BEGIN; UPDATE users SET name = 'mine' WHERE id = 150",
        )
        .await;
        let filling = tokio::spawn(async move {
            let ended = rig.fill().await;
            (rig, ended)
        });
        // The pass has row 1 and sleeps at row 100; the client waits first.
        tokio::time::sleep(Duration::from_millis(150)).await;
        let begun = Instant::now();
        try_run(
            &mut client,
            "UPDATE users SET name = 'mine too' WHERE id = 1; COMMIT",
        )
        .await
        .expect("the client is not the victim");
        let waited = begun.elapsed();
        assert!(
            waited > Duration::from_millis(50),
            "no deadlock came about: {waited:?}"
        );
        assert!(waited < Duration::from_millis(900), "{waited:?}");
        let (rig, ended) = filling.await.expect("fills");
        assert!(rig.said(|event| matches!(event, Event::GaveWay { .. })));
        assert!(
            matches!(ended, Ended::Filled { rows: 198..=199 }),
            "{ended:?}"
        );
        let mine = "SELECT count(*) FROM users WHERE full_name IN ('mine', 'mine too') AND full_name = name";
        assert_eq!(rig.number(mine).await, 2);
        assert_eq!(
            rig.number("SELECT count(*) FROM users WHERE full_name IS NULL")
                .await,
            0
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_stays_locked_stops_only_itself() {
    let db = fresh_database(newest_version(), USERS).await;
    let mut rig = Rig::renaming(&db).await;
    rig.settings.patience = Some(Duration::from_millis(200));
    let mut client = connect(&db.url).await;
    run(
        &mut client,
        "BEGIN; SELECT FROM users WHERE id = 7777 FOR UPDATE",
    )
    .await;
    let (rows, freed) = (Arc::clone(&rig.rows), AtomicBool::new(false));
    let client = std::sync::Mutex::new(Some(client));
    let ended = rig
        .run(|| {
            // All but the rows of one class of its page.
            if rows.load(Ordering::SeqCst) > ROWS - 200 && !freed.swap(true, Ordering::SeqCst) {
                let held = client.lock().expect("client").take();
                tokio::task::block_in_place(|| {
                    tokio::runtime::Handle::current().block_on(async {
                        if let Some(held) = held {
                            held.close().await.expect("closes");
                        }
                    });
                });
            }
            Order::Run
        })
        .await;
    assert_eq!(ended.expect("fills"), Ended::Filled { rows: ROWS });
    assert!(freed.load(Ordering::SeqCst));
    assert!(rig.said(|event| matches!(event, Event::GaveWay { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_waited_for_in_short_turns() {
    let db = fresh_database(newest_version(), USERS).await;
    let rig = Rig::renaming(&db).await;
    let mut client = connect(&db.url).await;
    run(&mut client, "BEGIN; LOCK TABLE users IN SHARE MODE").await;
    let events = Arc::clone(&rig.events);
    let client = std::sync::Mutex::new(Some(client));
    let ended = rig.run(|| {
        if events
            .lock()
            .expect("events")
            .iter()
            .any(|e| matches!(e, Event::GaveWay { .. }))
        {
            drop(client.lock().expect("client").take());
        }
        Order::Run
    });
    assert_eq!(ended.await.expect("fills"), Ended::Filled { rows: ROWS });
}

// 33, 65
#[tokio::test(flavor = "multi_thread")]
async fn without_the_monitoring_role_it_waits_and_says_so_unless_that_is_accepted() {
    let db = fresh_database(newest_version(), USERS).await;
    let role = format!("plain_{}", db.name);
    let mut rig = Rig::renaming(&db).await;
    db.run(&format!(
        "CREATE ROLE {role} LOGIN; ALTER TABLE users OWNER TO {role}; \
         ALTER TABLE checkpoint OWNER TO {role}; GRANT USAGE, CREATE ON SCHEMA public TO {role}"
    ))
    .await;
    rig.url = db.url.replace("user=postgres", &format!("user={role}"));
    let events = Arc::clone(&rig.events);
    let until_yielding = || {
        let events = events.lock().expect("events");
        let yields = |event: &Event| matches!(event, Event::Yielding(_));
        if events.iter().any(yields) {
            Order::Stop
        } else {
            Order::Run
        }
    };
    let ended = rig.run(until_yielding).await.expect("stops");
    assert_eq!(ended, Ended::Stopped { rows: 0 });
    assert!(rig.said(|event| matches!(event, Event::Yielding(Reason::Unreadable { .. }))));
    rig.throttle.without_monitor = WithoutMonitor::Accept;
    assert_eq!(rig.fill().await, Ended::Filled { rows: ROWS });
    db.run(&format!(
        "REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_and_a_query_that_says_no_hold_it_before_the_first_row() {
    let db = fresh_database(newest_version(), USERS).await;
    db.run("CREATE TABLE go (ok boolean); INSERT INTO go VALUES (false)")
        .await;
    let mut rig = Rig::renaming(&db).await;
    rig.throttle.query = Some("SELECT ok FROM public.go".to_owned());
    rig.throttle.every = Duration::from_millis(50);
    let begun = Instant::now();
    let (rows, url) = (Arc::clone(&rig.rows), db.url.clone());
    let opener = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(600)).await;
        run(&mut connect(&url).await, "UPDATE go SET ok = true").await;
    });
    let ended = rig
        .run(|| {
            let early = begun.elapsed() < Duration::from_millis(300);
            assert!(
                !early || rows.load(Ordering::SeqCst) == 0,
                "filled while paused"
            );
            if early { Order::Pause } else { Order::Run }
        })
        .await;
    opener.await.expect("opens");
    assert_eq!(ended.expect("fills"), Ended::Filled { rows: ROWS });
    assert!(begun.elapsed() > Duration::from_millis(600));
    let reasons: Vec<Reason> = rig
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Yielding(reason) => Some(reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [Reason::Paused, Reason::Query]);
}
