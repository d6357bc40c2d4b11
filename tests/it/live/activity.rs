//! What other sessions are seen to do.

use zdm::db::{
    Session, Target,
    activity::{self, HorizonKind, SnapshotWatch, Visibility},
};

use crate::support::{
    runner::until,
    server::{Db, fresh_database, run, versions},
};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1);";
const ROLE: &str =
    "DO $$ BEGIN CREATE ROLE zdm_looking LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;";

async fn session(url: &str) -> Session {
    let target = Target::from_url(url).expect("a PostgreSQL URL");
    Session::open(&target, "test").await.expect("connects")
}

/// A session that sees everything, and one that sees only `pg_locks`.
async fn lookers(db: &Db) -> [(Session, Visibility); 2] {
    db.run(ROLE).await;
    [
        (session(&db.url).await, Visibility::Full),
        (
            session(&db.url.replace("user=postgres", "user=zdm_looking")).await,
            Visibility::LocksOnly,
        ),
    ]
}

#[tokio::test]
async fn who_waits_behind_a_session_is_seen() {
    for version in versions() {
        let db = fresh_database(version, TABLE).await;
        let (mut holder, mut looker) = (session(&db.url).await, session(&db.url).await);
        holder.run("BEGIN; LOCK TABLE t").await.unwrap();
        let mut waiter = db.connect().await;
        let waiting = tokio::spawn(async move {
            run(
                &mut waiter,
                "SET application_name = 'waiter'; SELECT * FROM t",
            )
            .await;
        });
        let pid = holder.pid();
        until("it waits", async || {
            let waiters = activity::waiting_behind(&mut looker, pid).await.unwrap();
            waiters
                .iter()
                .any(|one| one.application.as_deref() == Some("waiter") && one.waited_ms > 20)
        })
        .await;
        let waiter = activity::waiting_behind(&mut looker, pid).await.unwrap()[0].pid;
        let blocking = activity::blocking(&mut looker, waiter).await.unwrap();
        assert_eq!(blocking[0].pid, Some(pid));
        holder.run("COMMIT").await.unwrap();
        waiting.await.unwrap();
        assert_eq!(
            activity::waiting_behind(&mut looker, pid).await.unwrap(),
            []
        );
    }
}

/// Pitfall 66: a swap waits for those who could read what was there before the backfill.
#[tokio::test]
async fn snapshots_from_before_a_transaction_are_waited_for_and_later_ones_are_not() {
    for version in versions() {
        let db = fresh_database(version, TABLE).await;
        for (mut looker, visibility) in lookers(&db).await {
            assert_eq!(activity::visibility(&mut looker).await.unwrap(), visibility);
            let mut old = db.connect().await;
            run(
                &mut old,
                "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t",
            )
            .await;
            let mut filler = session(&db.url).await;
            filler.run("BEGIN; UPDATE t SET id = id").await.unwrap();
            let xid = filler
                .value::<i64>("SELECT pg_current_xact_id()::text::bigint")
                .await
                .unwrap();
            filler.run("COMMIT").await.unwrap();
            let own = [filler.pid()];
            let mut watch = SnapshotWatch::new(xid);
            let older = watch.poll(&mut looker, &own).await.unwrap();
            assert_eq!(older.len(), 1, "{older:?}");
            assert_eq!(older[0].kind, HorizonKind::Backend);

            let mut new = db.connect().await;
            let mut older = Vec::new();
            // A transaction of another test, begun before, would hold this snapshot back too.
            for _ in 0..200 {
                run(
                    &mut new,
                    "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t",
                )
                .await;
                older = watch.poll(&mut looker, &own).await.unwrap();
                if older.len() == 1 {
                    break;
                }
                run(&mut new, "COMMIT").await;
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            assert_eq!(
                older.len(),
                1,
                "a later snapshot sees the filled rows: {older:?}"
            );
            run(&mut old, "COMMIT").await;
            assert_eq!(
                watch.poll(&mut looker, &own).await.unwrap(),
                [],
                "on {version}"
            );
        }
    }
}

#[tokio::test]
async fn an_old_snapshot_holds_back_the_horizon() {
    for version in versions() {
        let db = fresh_database(version, TABLE).await;
        let mut looker = session(&db.url).await;
        let next = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint";
        let calm = activity::horizon(&mut looker, &[]).await.unwrap();
        let mut old = db.connect().await;
        run(
            &mut old,
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM t",
        )
        .await;
        let began = looker.value::<i64>(next).await.unwrap();
        assert!(calm.oldest <= began);
        let mut writer = db.connect().await;
        for _ in 0..5 {
            run(&mut writer, "UPDATE t SET id = id").await;
        }
        let held = activity::horizon(&mut looker, &[]).await.unwrap();
        assert!(held.oldest <= began, "{held:?}, {began}");
        let holder = held.holders.first().unwrap();
        assert_eq!(
            holder.state.as_deref(),
            Some("idle in transaction"),
            "{held:?}"
        );
        run(&mut old, "COMMIT").await;
        until("the horizon moves on", async || {
            activity::horizon(&mut looker, &[]).await.unwrap().oldest >= began + 5
        })
        .await;
    }
}
