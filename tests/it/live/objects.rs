//! Views, renamed tables, drops: what becomes of them while clients are at work, and when
//! something came up after the plan.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use sqlx::Connection as _;
use zdm::{
    execute::{
        ExecuteError,
        apply::{ApplyError, Through},
    },
    plan::LateExpandPolicy,
};

use crate::{
    live::case::Case,
    support::{phases::plainly, server, snapshot},
};

/// Clients that send a query again and again, not prepared, and fail the test when it fails.
struct Readers {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU32>,
    tasks: Vec<tokio::task::JoinHandle<Result<(), String>>>,
}

impl Readers {
    fn start(url: &str, queries: &[&str]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU32::new(0));
        let tasks = queries
            .iter()
            .map(|query| {
                let (url, query) = (url.to_owned(), (*query).to_owned());
                let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
                tokio::spawn(async move {
                    let mut conn = server::connect(&url).await;
                    while !stop.load(Ordering::Relaxed) {
                        server::try_run(&mut conn, &query)
                            .await
                            .map_err(|error| format!("{error}: {query}"))?;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    drop(conn.close().await);
                    Ok(())
                })
            })
            .collect();
        Self { stop, done, tasks }
    }

    async fn end(self) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap().unwrap();
        }
        assert!(self.done.load(Ordering::Relaxed) > 50);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_a_view_never_miss_it_while_its_table_changes() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY, a varchar(10));
         INSERT INTO t SELECT n, n FROM generate_series(1, 1000) n;
         CREATE VIEW v AS SELECT id, a FROM t;
         CREATE VIEW w AS SELECT count(*) AS n, max(v.a) AS a FROM v JOIN t USING (id);";
    let migration = "ALTER TABLE t ALTER COLUMN a TYPE varchar(20);
         DROP VIEW w;
         CREATE VIEW w AS SELECT count(*) AS n, max(a) AS a, 1 AS one FROM v;";
    for version in server::versions() {
        let case = Case::new(version, setup, migration).await;
        let query = "SELECT a FROM v WHERE id < 50";
        let readers = Readers::start(
            &case.db.url,
            &[
                query,
                query,
                query,
                "SELECT n, a FROM w",
                "SELECT a FROM t WHERE id = 5",
            ],
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
        case.migrate().await;
        case.contract().await;
        readers.end().await;
        case.is("SELECT one FROM w", "1").await;
    }
}

#[tokio::test]
async fn what_depends_on_a_view_stops_the_migration_before_it_begins() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY, a varchar(10));
         CREATE VIEW v AS SELECT id, a FROM t;
         CREATE FUNCTION first() RETURNS v LANGUAGE sql AS 'SELECT * FROM v LIMIT 1';";
    for version in server::versions() {
        let migration = "ALTER TABLE t ALTER COLUMN a TYPE varchar(20);";
        let case = Case::new(version, setup, migration).await;
        let error = case.try_apply(Through::Default).await.unwrap_err();
        assert!(
            format!("{error:#?}").contains("function first()"),
            "{error:#?}"
        );
        case.is("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'a'", "character varying(10)")
            .await;
        case.sql("DROP FUNCTION first()").await;
        case.contract().await;
    }
}

#[tokio::test]
async fn what_came_to_depend_on_a_table_since_the_plan_is_not_dropped_with_it() {
    for version in server::versions() {
        let case = Case::new(
            version,
            "CREATE TABLE t (id int PRIMARY KEY);",
            "DROP TABLE t CASCADE;",
        )
        .await;
        case.migrate().await;
        case.sql("CREATE VIEW since AS SELECT id FROM t").await;
        let error = case.try_apply(Through::All).await.unwrap_err();
        assert!(
            matches!(&error, ApplyError::Execute(ExecuteError::Drift { .. })),
            "{error:#?}"
        );
        assert!(
            error.to_string().contains("the view public.since is new"),
            "{error}"
        );
        case.is("SELECT count(*) FROM since", "0").await;
        case.sql("DROP VIEW since").await;
        case.contract().await;
        case.is("SELECT to_regclass('t') IS NULL", "true").await;
    }
}

#[tokio::test]
async fn cascade_is_refused_by_what_it_would_take_along() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY); CREATE VIEW v AS SELECT id FROM t;";
    let version = server::newest_version();
    let case = Case::new(version, setup, "DROP TABLE t CASCADE;").await;
    let refusal = case.refusal().await;
    assert_eq!(refusal.rule, "cascade");
    assert!(refusal.message.contains("view v"), "{}", refusal.message);
    let case = Case::new(version, setup, "DROP VIEW v; DROP TABLE t CASCADE;").await;
    case.contract().await;
}

#[tokio::test]
async fn a_table_made_anew_from_its_renamed_self_ends_as_plain_sql_does() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY, a text);
         INSERT INTO t SELECT n, 'a' || n FROM generate_series(1, 1000) n;";
    let migration = "ALTER TABLE t RENAME TO backup;
         CREATE TABLE t (id int NOT NULL, a text, b int);
         INSERT INTO t (id, a, b) SELECT id, a, id FROM backup;
         DROP TABLE backup;
         ALTER TABLE t ADD CONSTRAINT t_pkey PRIMARY KEY (id);";
    for version in server::versions() {
        let plain = server::fresh_database(version, setup).await;
        plainly(&mut plain.connect().await, migration)
            .await
            .unwrap();
        let mut case = Case::new(version, setup, migration).await;
        assert_eq!(case.refusal().await.rule, "late-expand");
        case.request.plan.late_expand = LateExpandPolicy::Accept;
        case.migrate().await;
        case.contract().await;
        for db in [&plain, &case.db] {
            db.run("VACUUM").await;
        }
        let (mut a, mut b) = (plain.connect().await, case.db.connect().await);
        crate::support::assert_same_text(
            "the schema",
            &snapshot::catalog_snapshot(&mut a, snapshot::Columns::InOrder).await,
            &snapshot::catalog_snapshot(&mut b, snapshot::Columns::InOrder).await,
        );
        crate::support::assert_same_text(
            "the data",
            &snapshot::data_snapshot(&mut a).await,
            &snapshot::data_snapshot(&mut b).await,
        );
    }
}

#[tokio::test]
async fn a_materialized_view_is_refreshed_while_clients_read_it() {
    let setup = "CREATE TABLE t (id int PRIMARY KEY);
         CREATE MATERIALIZED VIEW m AS SELECT id FROM t; CREATE UNIQUE INDEX ON m (id);
         INSERT INTO t SELECT generate_series(1, 1000);";
    for version in server::versions() {
        let migration = "REFRESH MATERIALIZED VIEW CONCURRENTLY m;";
        let case = Case::new(version, setup, migration).await;
        let readers = Readers::start(&case.db.url, &["SELECT count(*) FROM m"]);
        case.migrate().await;
        readers.end().await;
        case.is("SELECT count(*) FROM m", "1000").await;
        let case = Case::new(version, setup, "REFRESH MATERIALIZED VIEW m;").await;
        assert_eq!(case.refusal().await.rule, "rewrite");
    }
}
