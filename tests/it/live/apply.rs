//! Whole runs: `apply`, `rollback` and `verify` as the commands call them.

use jiff::Timestamp;
use zdm::{
    db::{Session, Target},
    execute::{
        ExecuteError, Runner,
        apply::{Applied, ApplyError, ApplyRequest, MigrationFile, OutOfOrder, Through, apply},
        backfill,
        driver::{Consent, DriftPolicy},
        event::{Event, Events},
        journal::{Journal, MigrationState},
        rollback::rollback,
        settings::ExecuteSettings,
        signals::Stop,
        throttle,
        verify::verify,
    },
    ident::Ident,
    parse::{checksum::checksum, parse},
    plan::{LateExpandPolicy, MigrationName, PlanSettings, Sizes, Tighten},
    source::SourceFile,
};

use crate::support::server::{self, Db};

/// A run on a database, and everything it told.
pub(crate) struct Run {
    pub(crate) runner: Runner,
    /// Everything it told.
    pub(crate) events: tokio::sync::mpsc::UnboundedReceiver<Event>,
}

/// A run with the defaults.
pub(crate) fn run_on(db: &Db) -> Run {
    let (events, receiver) = Events::channel("", Timestamp::now);
    let runner = Runner {
        target: Target::from_url(&db.url).unwrap(),
        settings: ExecuteSettings::default(),
        backfill: backfill::Settings::default(),
        throttle: throttle::Settings::default(),
        events,
        stop: Stop::new(),
        seed: 7,
        started: Timestamp::now(),
    };
    Run {
        runner,
        events: receiver,
    }
}

/// A migration of that text.
pub(crate) fn file(id: &str, sql: &str) -> MigrationFile {
    let script = parse(SourceFile::new(format!("{id}.sql"), sql));
    MigrationFile {
        name: MigrationName {
            id: id.into(),
            name: "test".into(),
        },
        checksum: checksum(&script),
        script,
        source: sql.to_owned(),
    }
}

/// What is asked for, with the defaults.
pub(crate) fn request(through: Through) -> ApplyRequest {
    ApplyRequest {
        only: Vec::new(),
        to: None,
        through,
        out_of_order: OutOfOrder::WhenDisjoint,
        drift: DriftPolicy::Refuse,
        plan: PlanSettings {
            tighten: Tighten::Migrate,
            late_expand: LateExpandPolicy::Refuse,
            sizes: Sizes::Known,
            journal_schema: Ident::exact("zdm"),
            secret: "s3cret".into(),
            database: None,
        },
    }
}

/// Takes over a database that has tables.
pub(crate) async fn adopt(run: &Run) {
    let mut session = Session::open(&run.runner.target, "test").await.unwrap();
    Journal::adopt_from_none(&mut session, &Ident::exact("zdm"))
        .await
        .unwrap();
}

fn states(applied: &[Applied]) -> Vec<MigrationState> {
    applied.iter().map(|one| one.state).collect()
}

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 5000) n;
    CREATE INDEX users_name ON users (lower(name)) WHERE name <> '';
    CREATE VIEW names AS SELECT id, name FROM users;";

#[tokio::test]
async fn a_rename_goes_through_all_phases() {
    for version in server::versions() {
        let db = server::fresh_database(version, USERS).await;
        let run = run_on(&db);
        adopt(&run).await;
        let files = [file(
            "1",
            "ALTER TABLE users RENAME COLUMN name TO full_name;",
        )];
        let applied = apply(&run.runner, &files, &request(Through::Default)).await;
        let applied = applied.unwrap_or_else(|error| panic!("{version}: {error:?}"));
        assert_eq!(states(&applied), [MigrationState::Migrated]);
        db.run("INSERT INTO users (id, name) VALUES (-1, 'old')")
            .await;
        db.run("INSERT INTO users (id, full_name) VALUES (-2, 'new')")
            .await;
        db.run("UPDATE users SET full_name = 'newer' WHERE id = -1")
            .await;
        let checked = verify(&run.runner, None).await.unwrap();
        assert!(checked.iter().all(|one| one.wrong.is_none()), "{checked:?}");
        let applied = apply(&run.runner, &files, &request(Through::All)).await;
        let applied = applied.unwrap_or_else(|error| panic!("{version}: {error:?}"));
        assert_eq!(states(&applied), [MigrationState::Done]);
        db.run(
            "DO $$ BEGIN ASSERT (SELECT string_agg(name, ',' ORDER BY id) FROM names \
                WHERE id < 0) = 'new,newer'; END $$",
        )
        .await;
    }
}

#[tokio::test]
async fn a_rename_goes_back() {
    for version in server::versions() {
        let db = server::fresh_database(version, USERS).await;
        let run = run_on(&db);
        adopt(&run).await;
        let files = [file(
            "1",
            "ALTER TABLE users RENAME COLUMN name TO full_name;",
        )];
        apply(&run.runner, &files, &request(Through::Default))
            .await
            .unwrap();
        db.run("INSERT INTO users (id, full_name) VALUES (-2, 'new')")
            .await;
        let back = rollback(&run.runner, None, Consent::None).await.unwrap();
        assert_eq!(back.state, MigrationState::RolledBack);
        db.run("DO $$ BEGIN ASSERT (SELECT name FROM users WHERE id = -2) = 'new'; END $$")
            .await;
    }
}

#[tokio::test]
async fn a_database_with_tables_and_no_journal_is_refused() {
    let db = server::fresh_database(server::newest_version(), USERS).await;
    let run = run_on(&db);
    let error = apply(&run.runner, &[], &request(Through::Default))
        .await
        .unwrap_err();
    let ApplyError::Execute(error) = error else {
        panic!("{error}")
    };
    assert_eq!(error.code(), "no-journal");
    assert!(error.next().unwrap().contains("zdm adopt --from none"));
}

/// The error of a run that the library itself ends.
async fn refused(run: &Run, files: &[MigrationFile], request: &ApplyRequest) -> ExecuteError {
    match apply(&run.runner, files, request).await {
        Ok(applied) => panic!("it ran: {applied:?}"),
        Err(ApplyError::Execute(error)) => error,
        Err(error) => panic!("{error:?}"),
    }
}

const RENAME: &str = "ALTER TABLE users RENAME COLUMN name TO full_name;";

#[tokio::test]
async fn a_changed_file_is_refused_with_the_difference() {
    let db = server::fresh_database(server::newest_version(), USERS).await;
    let run = run_on(&db);
    adopt(&run).await;
    apply(
        &run.runner,
        &[file("1", RENAME)],
        &request(Through::Default),
    )
    .await
    .unwrap();
    // White space and comments are no change.
    let same = file(
        "1",
        "-- the same\nALTER TABLE users\n  RENAME COLUMN name TO full_name;",
    );
    apply(&run.runner, &[same], &request(Through::Default))
        .await
        .unwrap();
    let changed = file("1", "ALTER TABLE users RENAME COLUMN name TO whole_name;");
    let error = refused(&run, &[changed], &request(Through::All)).await;
    assert_eq!((error.code(), error.exit().code()), ("changed-file", 1));
    let ExecuteError::ChangedFile { difference, .. } = error else {
        panic!("{error:?}")
    };
    assert!(difference.contains("- ALTER TABLE users RENAME COLUMN name TO full_name;"));
    assert!(difference.contains("+ ALTER TABLE users RENAME COLUMN name TO whole_name;"));
}

#[tokio::test]
async fn a_table_that_changed_between_the_phases_is_refused_unless_accepted() {
    for version in server::versions() {
        let db = server::fresh_database(version, USERS).await;
        let run = run_on(&db);
        adopt(&run).await;
        let files = [file("1", RENAME)];
        apply(&run.runner, &files, &request(Through::Default))
            .await
            .unwrap();
        db.run("CREATE INDEX surprise ON users (name, id)").await;
        let error = refused(&run, &files, &request(Through::All)).await;
        assert_eq!((error.code(), error.exit().code()), ("drift", 1));
        assert!(error.to_string().contains("surprise"), "{error}");
        let mut accepting = request(Through::All);
        accepting.drift = DriftPolicy::Accept;
        // Accepted: the index is not lost with the old column.
        let applied = apply(&run.runner, &files, &accepting).await.unwrap();
        assert_eq!(states(&applied), [MigrationState::Done]);
        db.run("DO $$ BEGIN ASSERT pg_get_indexdef('surprise'::regclass) LIKE '%(full_name, id)'; END $$")
            .await;
    }
}

#[tokio::test]
async fn a_role_that_owns_nothing_is_refused_before_anything_changes() {
    for version in server::versions() {
        let db = server::fresh_database(version, USERS).await;
        let role = format!("stranger_{}", db.name);
        db.run(&format!(
            "CREATE ROLE {role} LOGIN; GRANT pg_monitor TO {role}; \
             GRANT CREATE ON DATABASE {} TO {role}",
            db.name
        ))
        .await;
        let mut run = run_on(&db);
        let url = db.url.replace("user=postgres", &format!("user={role}"));
        assert_ne!(url, db.url);
        run.runner.target = Target::from_url(&url).unwrap();
        adopt(&run).await;
        let error = refused(&run, &[file("1", RENAME)], &request(Through::Default)).await;
        assert_eq!(error.exit().code(), 1, "{error:?}");
        assert!(error.to_string().contains("users"), "{error}");
        let mut session = Session::open(&run.runner.target, "test").await.unwrap();
        let started: i64 = session
            .value("SELECT count(*) FROM zdm.migrations")
            .await
            .unwrap();
        assert_eq!(started, 0, "nothing was begun");
        drop(session);
        db.run(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}"))
            .await;
    }
}

#[tokio::test]
async fn a_database_that_only_reads_is_refused() {
    for version in server::versions() {
        let db = server::fresh_database(version, USERS).await;
        let run = run_on(&db);
        adopt(&run).await;
        db.run(&format!(
            "ALTER DATABASE {} SET default_transaction_read_only = on",
            db.name
        ))
        .await;
        let error = refused(&run, &[file("1", RENAME)], &request(Through::Default)).await;
        assert_ne!(error.exit().code(), 0);
        assert!(error.to_string().contains("read"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_a_matter_of_connection() {
    let db = server::fresh_database(server::newest_version(), USERS).await;
    let mut run = run_on(&db);
    run.runner.target = Target::from_url("postgres://nobody@127.0.0.1:1/none").unwrap();
    let error = refused(&run, &[file("1", RENAME)], &request(Through::Default)).await;
    assert_eq!((error.code(), error.exit().code()), ("cannot-connect", 2));
}

#[tokio::test]
async fn what_was_made_on_the_old_column_meanwhile_is_never_dropped_with_it() {
    for version in server::versions() {
        let db = server::fresh_database(version, USERS).await;
        let mut run = run_on(&db);
        adopt(&run).await;
        let files = [file("1", RENAME)];
        apply(&run.runner, &files, &request(Through::Default))
            .await
            .unwrap();
        // Contract begins and cannot get its lock; what is made now no phase looks for.
        let mut client = db.connect().await;
        server::run(&mut client, "BEGIN; SELECT FROM users LIMIT 1").await;
        run.runner.settings.locks.budget = std::time::Duration::from_millis(200);
        let error = refused(&run, &files, &request(Through::All)).await;
        assert_eq!(error.code(), "lock-budget", "{error}");
        server::run(&mut client, "COMMIT").await;
        run.runner.settings.locks.budget = std::time::Duration::from_mins(1);
        db.run("ALTER TABLE users ADD CONSTRAINT surprise CHECK (name <> 'x')")
            .await;
        let error = refused(&run, &files, &request(Through::All)).await;
        assert_eq!(error.code(), "step-failed");
        assert!(error.to_string().contains("surprise"), "{error}");
        db.run("ALTER TABLE users DROP CONSTRAINT surprise").await;
        let applied = apply(&run.runner, &files, &request(Through::All))
            .await
            .unwrap();
        assert_eq!(states(&applied), [MigrationState::Done]);
    }
}

#[tokio::test]
async fn a_row_that_slips_in_before_the_constraint_can_still_be_updated() {
    for version in server::versions() {
        let db = server::fresh_database(
            version,
            "CREATE TABLE t (id int PRIMARY KEY, e text); INSERT INTO t VALUES (1, 'a');",
        )
        .await;
        let run = run_on(&db);
        adopt(&run).await;
        let files = [file("1", "ALTER TABLE t ALTER COLUMN e SET NOT NULL;")];
        // The client's transaction is open while the rows are counted, and ends before the
        // constraint gets its lock.
        let mut client = db.connect().await;
        server::run(&mut client, "BEGIN; INSERT INTO t VALUES (2, NULL)").await;
        let later = tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            server::run(&mut client, "COMMIT").await;
        });
        let error = refused(&run, &files, &request(Through::Default)).await;
        later.await.unwrap();
        assert_eq!(error.code(), "step-failed", "{error:?}");
        assert!(error.next().unwrap().contains("taken away again"));
        db.run("UPDATE t SET e = e WHERE id = 2").await;
        db.run("UPDATE t SET e = 'b' WHERE id = 2").await;
        let applied = apply(&run.runner, &files, &request(Through::All))
            .await
            .unwrap();
        assert_eq!(states(&applied), [MigrationState::Done]);
    }
}
