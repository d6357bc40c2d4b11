//! The backfill: each row once, behind every client, and nothing hidden from it.

use std::time::Duration;

use zdm::{
    execute::{ExitClass, apply::ApplyError, apply::Through, event::EventKind, signals::Stop},
    plan::{
        StepKind,
        backfill::{Classes, Slice, pass_sql},
    },
};

use super::{PEOPLE, RENAME, both, each};
use crate::{
    live::case::{Case, text},
    support::server,
};

/// Enough pages for several windows.
const LARGE: &str =
    "CREATE TABLE people (id bigint PRIMARY KEY, name text, other int, filler text);
    INSERT INTO people SELECT n, 'name ' || n, 0, repeat('x', 200) FROM generate_series(1, 20000) n;
    ANALYZE people;";

#[tokio::test]
async fn pitfall_54_an_update_that_reads_what_it_writes_is_refused() {
    each(
        LARGE,
        "UPDATE people SET other = other + 1;",
        async |case| {
            assert_eq!(case.refusal().await.rule, "large-change");
        },
    )
    .await;
    // On a small table it is one statement, and hits each row once.
    each(
        PEOPLE,
        "UPDATE people SET other = coalesce(other, 0) + 1;",
        async |case| {
            case.sql("ANALYZE people").await;
            case.migrate().await;
            case.is("SELECT count(*) FROM people WHERE other = 1", "301")
                .await;
        },
    )
    .await;
}

#[tokio::test]
async fn pitfall_55_the_backfill_gives_way_in_a_deadlock() {
    each(LARGE, RENAME, async |case| {
        case.expand().await;
        // Two clients hold a row each; as soon as the backfill holds others and waits for one of
        // these, they ask for those that it holds.
        let mut held = Vec::new();
        for id in [40, 1040] {
            let mut conn = case.db.connect().await;
            server::run(
                &mut conn,
                &format!("BEGIN; UPDATE people SET name = 'held' WHERE id = {id}"),
            )
            .await;
            held.push((conn, id));
        }
        let fill = async { case.migrate().await };
        let clients = async {
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_millis(60)).await;
                for (conn, id) in &mut held {
                    let from = *id - 40;
                    server::run(
                        conn,
                        &format!(
                            "UPDATE people SET other = other + 1 WHERE id > {from} AND id < {id}"
                        ),
                    )
                    .await;
                }
            }
            for (conn, _) in &mut held {
                server::run(conn, "COMMIT").await;
            }
        };
        tokio::join!(fill, clients);
        case.is(&both(40), "held|held").await;
        case.is("SELECT sum(other) FROM people", &(2 * 39 * 8).to_string())
            .await;
        case.verify().await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_56_an_old_snapshot_is_waited_for_and_named() {
    each(&LARGE.replace("20000", "4000"), RENAME, async |mut case| {
        case.run.runner.backfill.patience = Some(Duration::from_millis(600));
        case.expand().await;
        let mut reader = case.db.connect().await;
        server::run(
            &mut reader,
            "SET application_name = 'old reader'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1",
        )
        .await;
        case.events();
        case.migrate().await;
        let events = case.events();
        let told = events.iter().any(|event| {
            matches!(&event.kind, EventKind::Note { message }
                if message.contains("(old reader)") && message.contains("one plain UPDATE"))
        });
        assert!(told, "{events:#?}");
        // The swap waits for it in any case.
        case.run.runner.settings.locks.budget = Duration::from_millis(300);
        let error = case.try_apply(Through::All).await.unwrap_err();
        let ApplyError::Execute(error) = error else {
            panic!("{error}")
        };
        assert_eq!(error.exit(), ExitClass::Stopped, "{error:#?}");
        server::run(&mut reader, "COMMIT").await;
        case.contract().await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_57_a_table_that_was_rewritten_is_begun_again() {
    each(LARGE, RENAME, async |mut case| {
        case.run.runner.backfill.limits.max_window = 25;
        case.expand().await;
        let stopped = case.stop_in_backfill();
        let error = case.try_apply(Through::Default).await.unwrap_err();
        assert!(stopped.await.unwrap());
        let ApplyError::Execute(error) = error else { panic!("{error}") };
        assert_eq!(error.exit(), ExitClass::Stopped, "{error:#?}");
        // All that is filled goes to the end, all that is not to the front, where it was passed.
        case.sql("CREATE INDEX turn ON people (full_name NULLS FIRST, id DESC); CLUSTER people USING turn; DROP INDEX turn").await;
        let left: i64 = case.text("SELECT count(*) FROM people WHERE full_name IS NULL").await.parse().unwrap();
        assert!(left > 0 && left < 20000, "{left}");
        case.run.runner.stop = Stop::new();
        case.migrate().await;
        case.is("SELECT count(*) FROM people WHERE full_name IS DISTINCT FROM name", "0").await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_58_row_security_is_an_error_and_no_lie() {
    let setup = "DO $$ BEGIN CREATE ROLE pitfall_58 LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
        GRANT pg_monitor TO pitfall_58;
        CREATE TABLE people (id bigint PRIMARY KEY, name text, tenant text);
        INSERT INTO people SELECT n, 'name ' || n, 'other' FROM generate_series(1, 50) n;
        ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY own ON people USING (tenant = 'mine');
        ALTER TABLE people OWNER TO pitfall_58;
        GRANT CREATE ON SCHEMA public TO pitfall_58;
        DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO pitfall_58', current_database()); END $$;";
    for version in server::versions() {
        let db = server::fresh_database(version, setup).await;
        db.run("DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO pitfall_58', current_database()); END $$").await;
        let url = db.url.replace("user=postgres", "user=pitfall_58");
        assert_ne!(url, db.url);
        let case = Case::on(db, &url, RENAME).await;
        let error = case.try_apply(Through::Default).await.unwrap_err();
        let ApplyError::Execute(error) = error else {
            panic!("{error}")
        };
        assert_eq!(
            (error.code(), error.exit()),
            ("row-security", ExitClass::Refused)
        );
        assert!(error.to_string().contains("row"), "{error}");
        // And were it switched on between, the session itself would refuse.
        let mut session = zdm::db::Session::open(&case.run.runner.target, "test")
            .await
            .unwrap();
        let error = session
            .value::<i64>("SELECT count(*) FROM people")
            .await
            .unwrap_err();
        assert_eq!(error.sqlstate.as_deref(), Some("42501"));
    }
}

#[tokio::test]
async fn pitfall_59_a_row_that_a_client_moves_keeps_the_clients_value() {
    each(LARGE, RENAME, async |case| {
        case.expand().await;
        let plan = case.plan_of_run().await;
        let backfill = plan
            .steps()
            .find_map(|step| match &step.kind {
                StepKind::Backfill { backfill } => Some(backfill.clone()),
                _ => None,
            })
            .unwrap();
        let slice = Slice { start: 0, end: 200, passes: 4, classes: Classes::One(1) };
        let pass = pass_sql(&backfill, &backfill.table, slice);
        let mut conn = case.db.connect().await;
        server::run(&mut conn, "SET enable_seqscan = off; SET enable_indexscan = off; SET enable_bitmapscan = off").await;
        let explained: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(format!("EXPLAIN (COSTS OFF) {pass}")))
                .fetch_all(&mut conn)
                .await
                .unwrap();
        let explained = explained.join("\n");
        assert!(explained.contains("Tid Range Scan"), "{explained}");
        // The hash has a sign, and the classes are complete nevertheless.
        assert_eq!(text(&mut conn, "SELECT min(hashtid(ctid)) < 0 FROM people").await, "true");
        assert_eq!(
            text(&mut conn, "SELECT count(DISTINCT (hashtid(ctid) & 2147483647) % 4) FROM people").await,
            "4"
        );
        // A client changes a row of this pass; the pass waits for it and then finds it filled.
        let id = text(
            &mut conn,
            "SELECT min(id) FROM people WHERE (hashtid(ctid) & 2147483647) % 4 = 1 AND ctid < '(200,0)'",
        )
        .await;
        let mut client = case.db.connect().await;
        server::run(&mut client, &format!("BEGIN; UPDATE people SET name = 'client' WHERE id = {id}")).await;
        let setting = format!("SET {} = '{}'", plan.bypass.setting, plan.bypass.secret);
        server::run(&mut conn, &setting).await;
        let ((), ()) = tokio::join!(server::run(&mut conn, &pass), async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            server::run(&mut client, "COMMIT").await;
        });
        case.is(&both(id.parse().unwrap()), "client|client").await;
        case.migrate().await;
        case.verify().await;
    })
    .await;
}
