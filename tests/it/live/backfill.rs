//! The backfill on real servers: every row once, whatever clients and the server do meanwhile.
//! The numbers are those of the pitfalls that a test is about.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection};
use zdm::db::Failure;
use zdm::execute::backfill::{BackfillError, Ended, Event, Limits, Order, RelationState};
use zdm::ident::{Ident, ObjectName};
use zdm::parse::Expr;
use zdm::plan::backfill::{Classes, Slice, pass_sql};
use zdm::plan::sync_trigger::{Sync, SyncMode, Unfilled};

use crate::support::server::{installed_versions, newest_version};
use crate::support::{Db, connect, fresh_database, run, versions};

mod rig;
mod waiting;

use rig::{Rig, Store, column, install, number};

const ROWS: u64 = 20_000;

/// Full pages, a key and one more index.
const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, \
         visits int NOT NULL DEFAULT 0, about text DEFAULT repeat('x', 100)) \
         WITH (autovacuum_enabled = off); \
     INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 20000) n; \
     CREATE INDEX users_name ON users (name); ANALYZE users";

async fn execute(conn: &mut PgConnection, sql: String) -> u64 {
    sqlx::query(AssertSqlSafe(sql.clone()))
        .persistent(false)
        .execute(conn)
        .await
        .unwrap_or_else(|error| panic!("a client's request failed: {error} in {sql}"))
        .rows_affected()
}

/// A client that does the same again and again until it is told to stop; counts its requests.
fn client(
    url: &str,
    stop: &Arc<AtomicBool>,
    request: impl Fn(u64) -> String + Send + 'static,
) -> tokio::task::JoinHandle<u64> {
    let (url, stop) = (url.to_owned(), Arc::clone(stop));
    tokio::spawn(async move {
        let mut conn = connect(&url).await;
        let mut n = 0;
        while !stop.load(Ordering::SeqCst) {
            n += 1;
            execute(&mut conn, request(n)).await;
        }
        n
    })
}

// 29, 34, 35, 59
#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_filled_under_writers_and_what_they_write_wins() {
    for version in versions() {
        let db = fresh_database(version, USERS).await;
        let mut rig = Rig::renaming(&db).await;
        // Smaller and slower, so that clients get in between.
        rig.settings.limits.max_window = 20;
        let stop = Arc::new(AtomicBool::new(false));
        let spread = |n: u64, by: u64| n * by % ROWS + 1;
        let clients = [
            client(&db.url, &stop, move |n| {
                format!(
                    "UPDATE users SET visits = visits + 1 WHERE id = {}",
                    spread(n, 7919)
                )
            }),
            client(&db.url, &stop, move |n| {
                let id = spread(n, 104_729);
                format!("UPDATE users SET id = id + 1000000 WHERE id = {id} AND id % 5 = 1")
            }),
            client(&db.url, &stop, |n| {
                format!(
                    "INSERT INTO users (id, name) VALUES ({}, 'new {n}')",
                    2_000_000 + n
                )
            }),
            client(&db.url, &stop, move |n| {
                let id = spread(n, 15_485_863);
                format!("DELETE FROM users WHERE id = {id} AND id % 5 = 2")
            }),
            client(&db.url, &stop, move |n| {
                let id = spread(n, 31);
                format!("UPDATE users SET name = 'by old' WHERE id = {id} AND id % 5 = 3")
            }),
            client(&db.url, &stop, move |n| {
                let id = spread(n, 37);
                format!("UPDATE users SET full_name = 'by new' WHERE id = {id} AND id % 5 = 4")
            }),
        ];
        let ended = rig.fill().await;
        stop.store(true, Ordering::SeqCst);
        let mut requests = Vec::new();
        for client in clients {
            requests.push(client.await.expect("no client fails"));
        }
        assert!(
            requests.iter().all(|n| *n > 20),
            "{requests:?} on {version}"
        );
        assert!(matches!(ended, Ended::Filled { rows } if rows > ROWS / 2));

        let unfilled = format!("SELECT count(*) FROM users WHERE {}", rig.backfill.unfilled);
        assert_eq!(rig.number(&unfilled).await, 0, "on {version}");
        let apart = "SELECT count(*) FROM users WHERE name IS DISTINCT FROM full_name";
        assert_eq!(rig.number(apart).await, 0, "on {version}");
        // Nobody's write is lost: each counted request left exactly its trace.
        let visits =
            rig.number("SELECT sum(visits)::bigint FROM users WHERE id % 5 IN (0, 1, 3, 4)");
        assert!(visits.await > 0);
        let inserted = rig
            .number("SELECT count(*) FROM users WHERE id > 2000000")
            .await;
        assert_eq!(u64::try_from(inserted).expect("positive"), requests[2]);
        for (class, n, value, step) in [
            (3, requests[4], "by old", 31),
            (4, requests[5], "by new", 37),
        ] {
            let wrong = format!(
                "SELECT count(*) FROM users WHERE id <= {ROWS} AND id % 5 = {class} AND \
                 (name <> '{value}' OR full_name <> '{value}') AND id IN \
                 (SELECT n * {step} % {ROWS} + 1 FROM generate_series(1, {n}) n)"
            );
            assert_eq!(rig.number(&wrong).await, 0, "on {version}");
        }
        db.run("VALUES (1)").await;
    }
}

/// A value that differs each time, and a log of every time a row gets one.
async fn volatile(db: &Db) -> Rig {
    let sync = Sync {
        key: "1a2b3c4d".to_owned(),
        table: ObjectName::public("users"),
        new: Ident::exact("token"),
        up: Expr {
            columns: Vec::new(),
            text: "pg_catalog.gen_random_uuid()".to_owned(),
            ..column(&Ident::exact("x"))
        },
        inputs: Vec::new(),
        down: None,
        unfilled: Unfilled::Null,
        mode: SyncMode::Fill,
        search_path: vec![Ident::exact("public")],
    };
    install(db, &sync, "uuid").await;
    db.run(
        "CREATE TABLE log (id bigint, token uuid); \
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN \
             IF OLD.token IS DISTINCT FROM NEW.token THEN \
                 INSERT INTO log VALUES (NEW.id, NEW.token); END IF; RETURN NULL; END$$; \
         CREATE TRIGGER note AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION note()",
    )
    .await;
    let mut rig = Rig::new(&db.url, &["users"], "token", "pg_catalog.gen_random_uuid()").await;
    rig.backfill.volatile = true;
    rig
}

// 36, 37
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backend_costs_a_pass_and_no_row_gets_two_values() {
    for version in versions() {
        let db = fresh_database(version, USERS).await;
        let rig = volatile(&db).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = client(&db.url, &stop, |n| {
            format!(
                "UPDATE users SET visits = visits + 1 WHERE id = {}",
                n * 7919 % ROWS + 1
            )
        });
        for kill in 1..4 {
            let goal = kill * 4000;
            let (rows, url) = (Arc::clone(&rig.rows), db.url.clone());
            let killer = tokio::spawn(async move {
                let mut conn = connect(&url).await;
                while rows.load(Ordering::SeqCst) < goal {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE application_name = 'zdm backfill' AND datname = current_database()";
                execute(&mut conn, kill.to_owned()).await;
            });
            let error = rig.run(|| Order::Run).await.expect_err("it is killed");
            let BackfillError::Db(error) = error else {
                panic!("{error}")
            };
            assert_eq!(error.failure(), Failure::ConnectionLost, "{error}");
            killer.await.expect("kills");
        }
        let before = rig.rows.load(Ordering::SeqCst);
        assert!((12_000..ROWS).contains(&before), "{before}");
        let ended = rig.fill().await;
        stop.store(true, Ordering::SeqCst);
        writer.await.expect("no client fails");

        // Each later run began where the last checkpoint was, not at the start.
        let starts: Vec<u32> = rig
            .events()
            .iter()
            .filter_map(|event| match event {
                Event::RelationStarted { block, .. } => Some(*block),
                _ => None,
            })
            .collect();
        assert_eq!(starts.len(), 4);
        assert!(
            starts.is_sorted() && starts[0] == 0 && starts[3] > 50,
            "{starts:?}"
        );
        assert_eq!(
            rig.number("SELECT count(*) FROM users WHERE token IS NULL")
                .await,
            0
        );
        let logged = "SELECT count(*) FROM log";
        assert_eq!(
            rig.number(logged).await,
            i64::try_from(ROWS).expect("small")
        );
        let once = "SELECT count(DISTINCT id) FROM log JOIN users USING (id, token)";
        assert_eq!(rig.number(once).await, i64::try_from(ROWS).expect("small"));
        let Ended::Filled { rows } = ended else {
            panic!("{ended:?}")
        };
        assert!(rows <= ROWS);
    }
}

// 57
#[tokio::test(flavor = "multi_thread")]
async fn a_rewrite_in_the_middle_begins_again_and_misses_nothing() {
    for version in versions() {
        let db = fresh_database(version, USERS).await;
        // Freed space at the start makes VACUUM FULL move every row to an earlier page.
        db.run("DELETE FROM users WHERE id <= 6000").await;
        let rig = Rig::renaming(&db).await;
        let once = AtomicU64::new(0);
        let rows = Arc::clone(&rig.rows);
        let url = db.url.clone();
        // The order is asked for between two transactions.
        let ended = rig
            .run(|| {
                let filled = rows.load(Ordering::SeqCst);
                if filled > 3000 && once.fetch_max(filled, Ordering::SeqCst) == 0 {
                    tokio::task::block_in_place(|| {
                        tokio::runtime::Handle::current().block_on(async {
                            run(&mut connect(&url).await, "VACUUM FULL users").await;
                        });
                    });
                }
                Order::Run
            })
            .await
            .expect("fills");
        assert!(rig.said(|event| matches!(event, Event::Rewritten { .. })));
        assert_eq!(ended, Ended::Filled { rows: 14_000 });
        let unfilled = format!("SELECT count(*) FROM users WHERE {}", rig.backfill.unfilled);
        assert_eq!(rig.number(&unfilled).await, 0, "on {version}");

        // The same between a stop and the resumption.
        db.run("UPDATE users SET full_name = NULL, name = name WHERE false")
            .await;
        let again = fresh_database(version, USERS).await;
        let rig = Rig::renaming(&again).await;
        let rows = Arc::clone(&rig.rows);
        let stopped = rig
            .run(|| match rows.load(Ordering::SeqCst) {
                0..5000 => Order::Run,
                _ => Order::Stop,
            })
            .await
            .expect("stops");
        assert!(matches!(stopped, Ended::Stopped { rows } if (5000..15_000).contains(&rows)));
        again.run("VACUUM FULL users").await;
        assert_eq!(rig.fill().await, Ended::Filled { rows: ROWS });
        let last = rig
            .events()
            .into_iter()
            .rev()
            .find_map(|event| match event {
                Event::RelationStarted { block, .. } => Some(block),
                _ => None,
            });
        assert_eq!(last, Some(0));
        assert_eq!(rig.number(&unfilled).await, 0, "on {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_without_a_key_are_filled_also_with_narrow_and_with_toasted_rows() {
    for version in versions() {
        let setup = "CREATE UNLOGGED TABLE log (line text); \
             INSERT INTO log SELECT 'line ' || n % 10 FROM generate_series(1, 9000) n; \
             INSERT INTO log SELECT string_agg(md5(n::text || m), '') \
                 FROM generate_series(1, 200) m, generate_series(1, 300) n GROUP BY m; \
             ALTER TABLE log ADD COLUMN copy text; \
             CREATE TABLE narrow (n int); \
             INSERT INTO narrow SELECT NULL FROM generate_series(1, 3000)";
        let db = fresh_database(version, setup).await;
        let toasted = "SELECT (pg_relation_size(reltoastrelid) > 0)::int::bigint FROM pg_class \
                       WHERE oid = 'log'::regclass";
        assert_eq!(number(&db.url, toasted).await, 1);
        let rig = Rig::new(&db.url, &["log"], "copy", "line").await;
        assert_eq!(rig.fill().await, Ended::Filled { rows: 9200 });
        let wrong = "SELECT count(*) FROM log WHERE copy IS DISTINCT FROM line";
        assert_eq!(rig.number(wrong).await, 0);

        // As many rows on a page as there can be: more than one byte counts.
        let last = "SELECT count(*) FROM narrow WHERE ctid = '(0,291)'";
        assert_eq!(number(&db.url, last).await, 1);
        db.run("DELETE FROM checkpoint").await;
        let rig = Rig::new(&db.url, &["narrow"], "n", "1").await;
        assert_eq!(rig.fill().await, Ended::Filled { rows: 3000 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_are_filled_one_by_one_also_empty_and_dropped_ones() {
    for version in versions() {
        let setup = "CREATE TABLE e (d int, v int, w int) PARTITION BY RANGE (d); \
             CREATE TABLE e1 PARTITION OF e FOR VALUES FROM (0) TO (100); \
             CREATE TABLE e2 PARTITION OF e FOR VALUES FROM (100) TO (200); \
             CREATE TABLE e3 PARTITION OF e FOR VALUES FROM (200) TO (300); \
             CREATE TABLE \"E 4\" PARTITION OF e DEFAULT; \
             INSERT INTO e SELECT n % 100, n FROM generate_series(1, 3000) n; \
             INSERT INTO e SELECT 1000 + n, n FROM generate_series(1, 2000) n; \
             DROP TABLE e3";
        let db = fresh_database(version, setup).await;
        let rig = Rig::new(&db.url, &["e1", "e2", "e3", "E 4"], "w", "v * 2").await;
        assert_eq!(rig.fill().await, Ended::Filled { rows: 5000 });
        assert_eq!(
            rig.number("SELECT count(*) FROM e WHERE w IS DISTINCT FROM v * 2")
                .await,
            0
        );
        let gone = ObjectName::public("e3");
        assert!(
            rig.said(
                |event| matches!(event, Event::RelationGone { relation } if *relation == gone)
            )
        );
        let filled = |name| {
            let relation = ObjectName::public(name);
            rig.said(
                |event| matches!(event, Event::RelationFilled { relation: r } if *r == relation),
            )
        };
        assert!(filled("e1") && filled("e2") && filled("E 4"));
        // Nothing is left to do, and that is known from the checkpoint.
        let before = rig.events().len();
        assert_eq!(rig.fill().await, Ended::Filled { rows: 5000 });
        assert_eq!(rig.events().len(), before);

        // The parent itself has no rows.
        let parent = Rig::new(&db.url, &["e"], "w", "v").await;
        db.run("DELETE FROM checkpoint").await;
        let error = parent.run(|| Order::Run).await.expect_err("no storage");
        assert_eq!(
            error.to_string(),
            "public.e is a partitioned table, which has no rows of its own to fill"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_relation_is_recorded_as_filled() {
    let db = fresh_database(newest_version(), "CREATE TABLE t (a int, b int)").await;
    let rig = Rig::new(&db.url, &["t"], "b", "a").await;
    assert_eq!(rig.fill().await, Ended::Filled { rows: 0 });
    let state = "SELECT count(*) FROM checkpoint WHERE body::jsonb ->> 'state' = 'filled'";
    assert_eq!(rig.number(state).await, 1);
    assert_eq!(
        serde_json::to_value(RelationState::Filled).expect("JSON"),
        "filled"
    );
}

// 58
#[tokio::test(flavor = "multi_thread")]
async fn forced_row_security_is_an_error_and_not_a_lie() {
    for version in versions() {
        let db = fresh_database(version, USERS).await;
        let role = format!("owner_{}", db.name);
        db.run(&format!(
            "ALTER TABLE users ADD COLUMN full_name text; CREATE ROLE {role} LOGIN; \
             GRANT pg_monitor TO {role}; ALTER TABLE users OWNER TO {role}; \
             GRANT CREATE, USAGE ON SCHEMA public TO {role}; \
             ALTER TABLE users ENABLE ROW LEVEL SECURITY; \
             ALTER TABLE users FORCE ROW LEVEL SECURITY; \
             CREATE POLICY own ON users USING (id < 0)"
        ))
        .await;
        let mut rig = Rig::new(&db.url, &["users"], "full_name", "name").await;
        db.run(&format!("ALTER TABLE checkpoint OWNER TO {role}"))
            .await;
        rig.url = db.url.replace("user=postgres", &format!("user={role}"));
        assert_ne!(rig.url, db.url);
        let Err(BackfillError::Db(error)) = rig.run(|| Order::Run).await else {
            panic!("it must not say that it has filled");
        };
        assert_eq!(error.failure(), Failure::Privilege, "{error}");
        assert!(error.message.contains("row-level security"), "{error}");
        db.run(&format!(
            "ALTER TABLE users OWNER TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"
        ))
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_filled_as_the_given_role_and_the_checkpoint_is_not() {
    let db = fresh_database(newest_version(), USERS).await;
    let role = format!("app_{}", db.name);
    db.run(&format!(
        "ALTER TABLE users ADD COLUMN full_name text; CREATE ROLE {role}; \
         ALTER TABLE users OWNER TO {role}; GRANT USAGE ON SCHEMA public TO {role}"
    ))
    .await;
    let mut rig = Rig::new(&db.url, &["users"], "full_name", "current_user").await;
    rig.role = Some(Ident::exact(&role));
    assert_eq!(rig.fill().await, Ended::Filled { rows: ROWS });
    let wrong = format!("SELECT count(*) FROM users WHERE full_name <> '{role}'");
    assert_eq!(rig.number(&wrong).await, 0);
    db.run(&format!(
        "ALTER TABLE users OWNER TO postgres; DROP OWNED BY {role}; DROP ROLE {role}"
    ))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_was_replaced_leaves_nothing_behind() {
    let db = fresh_database(newest_version(), USERS).await;
    let rig = Rig::renaming(&db).await;
    let mut store = Store {
        fail_at: Some(5000),
        rows: Arc::clone(&rig.rows),
    };
    let error = rig
        .run_with(|| Order::Run, &mut store)
        .await
        .expect_err("fenced");
    assert!(matches!(error, BackfillError::Fenced(_)), "{error}");
    let filled = rig
        .number("SELECT count(*) FROM users WHERE full_name IS NOT NULL")
        .await;
    assert_eq!(
        u64::try_from(filled).expect("positive"),
        rig.rows.load(Ordering::SeqCst)
    );
    assert!(filled < 5000);
}

// 32, 56
#[tokio::test(flavor = "multi_thread")]
async fn full_pages_grow_by_a_quarter_and_roomy_ones_take_one_pass() {
    for version in versions() {
        let db = fresh_database(version, USERS).await;
        let size = "SELECT pg_relation_size('users')";
        let keys = "SELECT pg_relation_size('users_pkey')";
        let rig = Rig::renaming(&db).await;
        let (before, keys_before) = (rig.number(size).await, rig.number(keys).await);
        rig.fill().await;
        let (after, keys_after) = (rig.number(size).await, rig.number(keys).await);
        assert!(
            after * 100 < before * 145,
            "{before} -> {after} on {version}"
        );
        assert!(
            keys_after * 100 < keys_before * 170,
            "{keys_before} -> {keys_after}"
        );

        let roomy = fresh_database(version, USERS).await;
        roomy.run("ALTER TABLE users SET (fillfactor = 40)").await;
        roomy.run("VACUUM FULL users").await;
        let rig = Rig::renaming(&roomy).await;
        let before = rig.number(size).await;
        rig.fill().await;
        assert_eq!(rig.number(size).await, before);
        let last = rig
            .events()
            .into_iter()
            .rev()
            .find_map(|event| match event {
                Event::Progress(progress) => Some(progress),
                _ => None,
            });
        let last = last.expect("progress was told");
        assert_eq!((last.rows, last.pages_done), (ROWS, last.pages_total));
        assert_eq!(last.hot_ratio, Some(1.0));
        let one = |event: &Event| matches!(event, Event::Progress(p) if p.passes == 1);
        assert!(rig.said(one), "on {version}");
    }
}

#[tokio::test]
async fn a_slice_is_read_by_a_tid_range_scan_on_every_version() {
    for version in installed_versions() {
        let setup = format!(
            "{USERS}; ALTER TABLE users ADD COLUMN full_name text; \
             CREATE INDEX tempting ON users (id) WHERE full_name IS NULL; ANALYZE users"
        );
        let db = fresh_database(version, &setup).await;
        let rig = Rig::new(&db.url, &["users"], "full_name", "name").await;
        let mut conn = db.connect().await;
        run(&mut conn, &rig.pass().begin().join(";")).await;
        for (end, classes) in [(5, Classes::One(3)), (100_000, Classes::From(0))] {
            let slice = Slice {
                start: 0,
                end,
                passes: 10,
                classes,
            };
            let sql = format!(
                "EXPLAIN {}",
                pass_sql(&rig.backfill, &rig.backfill.table, slice)
            );
            let plan: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
                .fetch_all(&mut conn)
                .await
                .expect("explains");
            assert!(
                plan[1].contains("Tid Range Scan on users"),
                "{version}: {plan:?}"
            );
        }
    }
}

#[test]
fn the_defaults_are_those_that_are_documented() {
    let limits = Limits::default();
    assert_eq!((limits.first_window, limits.max_window), (25, 1000));
    assert_eq!((limits.max_open, limits.passes), (4000, 10));
    assert_eq!(limits.target, Duration::from_millis(100));
}
