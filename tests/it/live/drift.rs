//! What somebody else changes between the phases, accepted: the steps that are not yet begun are
//! planned anew, and the end is what plain SQL makes of the changed database.

use zdm::{
    execute::{
        apply::{ApplyError, Through},
        driver::DriftPolicy,
        event::EventKind,
        journal::MigrationState,
    },
    parse::PhaseName,
};

use super::case::Case;
use crate::support::{diff::assert_same_schema, server};

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, mail text);
    INSERT INTO users SELECT n, 'user ' || n, 'mail ' || n FROM generate_series(1, 500) n;
    CREATE INDEX users_name_mail ON users (name, mail);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';";

const RENAME: &str = "ALTER TABLE users RENAME COLUMN name TO full_name;";

/// What is done to the table between migrate and contract, and the phase that begins again for it;
/// all change what contract has to do.
const CHANGES: &[(&str, Option<PhaseName>)] = &[
    // An index to be built on the new column, a key into the old one, and an index that has been
    // built and is needed no more.
    (
        "CREATE INDEX surprise ON users (name); \
         ALTER TABLE users ADD UNIQUE (name); \
         CREATE TABLE notes (author text REFERENCES users (name)); \
         DROP INDEX users_name_mail",
        Some(PhaseName::Migrate),
    ),
    // What only the swap of the names has to know.
    (
        "CREATE VIEW surprise AS SELECT id, name FROM users; \
         ALTER TABLE users ALTER COLUMN name SET DEFAULT 'x'",
        None,
    ),
];

fn notes(case: &mut Case) -> String {
    let notes = case
        .events()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::Note { message } => Some(message),
            _ => None,
        });
    notes.collect::<Vec<_>>().join("\n")
}

fn begun_again(case: &mut Case) -> Vec<PhaseName> {
    let phases = case
        .events()
        .into_iter()
        .filter_map(|event| match event.kind {
            EventKind::PhaseDone { phase } => Some(phase),
            _ => None,
        });
    phases.collect()
}

#[tokio::test]
async fn an_accepted_change_is_planned_anew_and_ends_as_plain_sql_would() {
    for version in server::versions() {
        for (change, again) in CHANGES {
            let mut case = Case::new(version, USERS, RENAME).await;
            case.migrate().await;
            case.events();
            case.sql(change).await;
            match case.try_apply(Through::All).await {
                Err(ApplyError::Execute(error)) => assert_eq!(error.code(), "drift", "{change}"),
                other => panic!("{change}: {other:?}"),
            }
            case.events();
            case.request.drift = DriftPolicy::Accept;
            case.contract().await;
            let phases = begun_again(&mut case);
            let expected: Vec<PhaseName> =
                again.iter().copied().chain([PhaseName::Contract]).collect();
            assert_eq!(phases, expected, "{change}");
            let plain = server::fresh_database(version, USERS).await;
            plain.run(change).await;
            plain.run(RENAME).await;
            assert_same_schema(&mut plain.connect().await, &mut case.db.connect().await).await;
            case.is(
                "SELECT count(*) FROM users WHERE full_name = 'user ' || id",
                "500",
            )
            .await;
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_the_steps_that_are_done_is_refused_by_name() {
    let version = server::newest_version();
    for (change, said) in [
        (
            "CREATE TRIGGER surprise BEFORE UPDATE OF name ON users \
             FOR EACH ROW EXECUTE FUNCTION f()",
            "the plan is refused: the trigger surprise",
        ),
        (
            "CREATE POLICY surprise ON users USING (name <> '')",
            "the plan is refused: the policy surprise",
        ),
        (
            "ALTER TABLE users ALTER COLUMN name DROP NOT NULL",
            "is done, and would be another",
        ),
    ] {
        let mut case = Case::new(version, USERS, RENAME).await;
        case.migrate().await;
        case.sql(change).await;
        case.request.drift = DriftPolicy::Accept;
        match case.try_apply(Through::All).await {
            Err(ApplyError::Execute(error)) => {
                assert_eq!(
                    (error.code(), error.exit().code()),
                    ("drift-done", 1),
                    "{error:?}"
                );
                assert!(error.to_string().contains(said), "{change}: {error}");
                assert!(
                    error.next().unwrap().contains("zdm rollback 1"),
                    "{error:?}"
                );
            }
            other => panic!("{change}: {other:?}"),
        }
        assert_eq!(case.record().await.state, MigrationState::Migrated);
    }
}

/// A run that dies after the new plan is stored goes on with it, and is not asked again.
#[tokio::test]
async fn a_plan_made_anew_is_stored_and_gone_on_with() {
    for version in server::versions() {
        let mut case = Case::new(version, USERS, RENAME).await;
        case.expand().await;
        case.sql("CREATE INDEX surprise ON users (name)").await;
        case.request.drift = DriftPolicy::Accept;
        // The build of the new index waits for a client for longer than it may.
        let mut client = case.db.connect().await;
        server::run(&mut client, "BEGIN; LOCK TABLE users IN ROW EXCLUSIVE MODE").await;
        case.run.runner.settings.bare.deadline = std::time::Duration::from_millis(300);
        case.run.runner.settings.locks.budget = std::time::Duration::from_millis(300);
        assert!(case.try_apply(Through::Default).await.is_err());
        assert!(notes(&mut case).contains("planned anew: migrate-"));
        server::run(&mut client, "COMMIT").await;
        case.request.drift = DriftPolicy::Refuse;
        case.run.runner.settings.bare.deadline = std::time::Duration::from_mins(1);
        case.run.runner.settings.locks.budget = std::time::Duration::from_mins(1);
        case.migrate().await;
        case.verify().await;
        case.contract().await;
        case.is(
            "SELECT string_agg(indexdef, ' ' ORDER BY indexname) FROM pg_indexes \
             WHERE indexname = 'surprise'",
            "CREATE INDEX surprise ON public.users USING btree (full_name)",
        )
        .await;
    }
}
