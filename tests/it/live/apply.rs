//! Whole runs: `apply`, `rollback` and `verify` as the commands call them.

use jiff::Timestamp;
use zdm::{
    db::{Session, Target},
    execute::{
        Runner,
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
    plan::{LateExpandPolicy, MigrationName, PlanSettings, Tighten},
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
