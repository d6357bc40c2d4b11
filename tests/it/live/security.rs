//! What `docs/concepts/security.md` says, run as it stands there.

use sqlx::{Connection as _, Row as _};
use zdm::{
    db::Target,
    execute::{
        apply::{ApplyError, Through, apply},
        journal::MigrationState,
        throttle::WithoutMonitor,
    },
    ident::Ident,
};

use super::apply::{adopt, file, request, run_on};
use crate::support::server::{self, Db};

const PAGE: &str = include_str!("../../../docs/concepts/security.md");

/// The block of the page that begins with this comment, with the names of this test.
fn block(title: &str, db: &Db) -> String {
    let start = format!("```sql\n-- {title}\n");
    let (_, rest) = PAGE.split_once(&start).expect("the page has the block");
    let (sql, _) = rest.split_once("```").expect("the block has an end");
    sql.replace("DATABASE app", &format!("DATABASE {}", db.name))
        .replace("zdm_migrator", &migrator(db))
        .replace("app_owner", &owner(db))
}

fn migrator(db: &Db) -> String {
    format!("zdm_migrator_{}", db.name)
}

fn owner(db: &Db) -> String {
    format!("app_owner_{}", db.name)
}

/// Runs a script as psql does: what ends in `\gexec` is run, and then each text of its result.
async fn psql(db: &Db, script: &str) {
    let mut conn = db.connect().await;
    match script.trim_end().strip_suffix("\\gexec") {
        None => server::run(&mut conn, script).await,
        Some(query) => {
            let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(query))
                .fetch_all(&mut conn)
                .await
                .unwrap_or_else(|error| panic!("{error}\nin: {query}"));
            assert!(!rows.is_empty(), "there is something to take back");
            for row in rows {
                server::run(&mut conn, &row.get::<String, _>(0)).await;
            }
        }
    }
    conn.close().await.expect("closes");
}

/// A database whose tables belong to one role, and a run of another that has what the page grants.
async fn granted(version: u32) -> (Db, super::apply::Run) {
    let db = server::fresh_database(version, "").await;
    let owner = owner(&db);
    db.run(&format!(
        "CREATE ROLE {owner}; GRANT CREATE ON SCHEMA public TO {owner}; SET ROLE {owner};
         CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
         INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 2000) n;
         CREATE INDEX users_name ON users (name);"
    ))
    .await;
    psql(&db, &block("grants", &db)).await;
    let mut run = run_on(&db);
    let url = db
        .url
        .replace("user=postgres", &format!("user={}", migrator(&db)));
    assert_ne!(url, db.url);
    run.runner.target = Target::from_url(&url).unwrap();
    adopt(&run).await;
    (db, run)
}

const RENAME: &str = "ALTER TABLE users RENAME COLUMN name TO full_name;";

#[tokio::test]
async fn the_grants_of_the_page_are_enough_for_a_whole_migration() {
    for version in server::versions() {
        let (db, run) = granted(version).await;
        let files = [
            file("1", RENAME),
            file(
                "2",
                "CREATE TABLE more (id int PRIMARY KEY, user_id bigint REFERENCES users);
                 ALTER TABLE users ADD COLUMN age int;",
            ),
        ];
        let applied = apply(&run.runner, &files, &request(Through::All))
            .await
            .unwrap_or_else(|error| panic!("{version}: {error}: {error:?}"));
        assert!(applied.iter().all(|one| one.state == MigrationState::Done));
        psql(&db, &block("remove", &db)).await;
        db.run(&format!("DROP OWNED BY {0}; DROP ROLE {0}", owner(&db)))
            .await;
    }
}

/// A backfill that cannot see the lag of replicas would wait for it for good.
#[tokio::test]
async fn pitfall_65_a_backfill_without_pg_monitor_is_refused_unless_it_may_run_blind() {
    for version in server::versions() {
        let (db, mut run) = granted(version).await;
        db.run(&format!("REVOKE pg_monitor FROM {}", migrator(&db)))
            .await;
        let files = [file("1", RENAME)];
        let refused = apply(&run.runner, &files, &request(Through::Default)).await;
        let said = format!("{:?}", refused.expect_err("refused"));
        assert!(
            said.contains("without-monitor") && said.contains("GRANT pg_monitor TO"),
            "{said}"
        );
        db.run(
            "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_attribute
                 WHERE attrelid = 'users'::regclass AND attname = 'full_name'); END $$",
        )
        .await;
        run.runner.throttle.without_monitor = WithoutMonitor::Accept;
        let applied = apply(&run.runner, &files, &request(Through::All)).await;
        assert!(applied.is_ok(), "{applied:?}");
        psql(&db, &block("remove", &db)).await;
        db.run(&format!("DROP OWNED BY {0}; DROP ROLE {0}", owner(&db)))
            .await;
    }
}

#[tokio::test]
async fn a_role_without_rights_on_the_journal_is_told_what_to_grant() {
    let (db, mut run) = granted(server::newest_version()).await;
    // The owner of the tables is not the owner of the journal.
    run.runner.settings.role = Some(Ident::exact(owner(&db)));
    let refused = apply(&run.runner, &[file("1", RENAME)], &request(Through::All)).await;
    let Err(ApplyError::Execute(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (error.code(), error.exit().code()),
        ("journal-privilege", 1)
    );
    let grant = format!("GRANT USAGE, CREATE ON SCHEMA zdm TO {};", owner(&db));
    assert_eq!(error.next().unwrap(), grant);
    // And a stranger may not even read it.
    let stranger = format!("stranger_{}", db.name);
    db.run(&format!("CREATE ROLE {stranger} LOGIN")).await;
    let url = db.url.replace("user=postgres", &format!("user={stranger}"));
    run.runner.target = Target::from_url(&url).unwrap();
    let refused = apply(&run.runner, &[file("1", RENAME)], &request(Through::All)).await;
    let Err(ApplyError::Execute(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (error.code(), error.exit().code()),
        ("journal-privilege", 1)
    );
    let grant = format!("Run GRANT {} TO {stranger};", migrator(&db));
    assert!(error.next().unwrap().starts_with(&grant), "{error:?}");
    // Nor does it help to be allowed to read it.
    db.run(&format!(
        "GRANT USAGE ON SCHEMA zdm TO {stranger}; GRANT SELECT ON ALL TABLES IN SCHEMA zdm TO {stranger}"
    ))
    .await;
    let refused = apply(&run.runner, &[file("1", RENAME)], &request(Through::All)).await;
    let Err(ApplyError::Execute(error)) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(
        (error.code(), error.exit().code()),
        ("journal-privilege", 1)
    );
    assert!(error.next().unwrap().starts_with(&grant), "{error:?}");
    db.run(&format!("DROP OWNED BY {stranger}")).await;
    psql(&db, &block("remove", &db)).await;
    db.run(&format!(
        "DROP OWNED BY {0}; DROP ROLE {0}; DROP ROLE {stranger}",
        owner(&db)
    ))
    .await;
}

#[tokio::test]
async fn with_the_role_of_the_owner_everything_belongs_to_it() {
    for version in server::versions() {
        let (db, mut run) = granted(version).await;
        psql(&db, &block("owner", &db)).await;
        run.runner.settings.role = Some(Ident::exact(owner(&db)));
        let files = [
            file("1", RENAME),
            file("2", "CREATE TABLE more (id int PRIMARY KEY);"),
        ];
        apply(&run.runner, &files, &request(Through::All))
            .await
            .unwrap_or_else(|error| panic!("{version}: {error}: {error:?}"));
        db.run(&format!(
            "DO $$ BEGIN ASSERT (SELECT bool_and(pg_get_userbyid(relowner) = '{}') FROM pg_class \
             WHERE relnamespace = 'public'::regnamespace); END $$",
            owner(&db)
        ))
        .await;
        psql(&db, &block("remove", &db)).await;
        db.run(&format!("DROP OWNED BY {0}; DROP ROLE {0}", owner(&db)))
            .await;
    }
}

#[tokio::test]
async fn the_removal_of_the_page_leaves_no_trace() {
    for version in server::versions() {
        let (db, run) = granted(version).await;
        apply(
            &run.runner,
            &[file("1", RENAME)],
            &request(Through::Default),
        )
        .await
        .unwrap_or_else(|error| panic!("{version}: {error}: {error:?}"));
        db.run("UPDATE users SET full_name = 'written by the new one' WHERE id = 7")
            .await;
        drop(run);
        psql(&db, &block("take back", &db)).await;
        psql(&db, &block("remove", &db)).await;
        db.run(&format!(
            "DO $$ BEGIN
             ASSERT to_regnamespace('zdm') IS NULL, 'the schema';
             ASSERT NOT EXISTS (SELECT FROM pg_trigger WHERE NOT tgisinternal), 'a trigger';
             ASSERT NOT EXISTS (SELECT FROM pg_class WHERE relname LIKE '%zdm%'), 'a relation';
             ASSERT NOT EXISTS (SELECT FROM pg_proc WHERE proname LIKE '%zdm%'), 'a function';
             ASSERT NOT EXISTS (SELECT FROM pg_constraint WHERE conname LIKE '%zdm%'), 'a constraint';
             ASSERT (SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
                     WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped)
                    = 'id,name', 'a column';
             ASSERT (SELECT name FROM users WHERE id = 7) = 'written by the new one', 'a write';
             ASSERT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{}'), 'the role';
             END $$",
            migrator(&db)
        ))
        .await;
        db.run(&format!("DROP OWNED BY {0}; DROP ROLE {0}", owner(&db)))
            .await;
    }
}
