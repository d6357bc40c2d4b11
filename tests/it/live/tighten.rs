//! Constraints on what is there already: they never stand while a row violates them, and refuse
//! writes from where the plan says. And a table that was empty when the plan was made.

use zdm::{
    execute::{
        apply::{ApplyError, Through},
        driver::Consent,
        journal::MigrationState,
    },
    parse::PhaseName,
    plan::Tighten,
};

use super::case::Case;
use crate::support::{runner::until, server};

const SETUP: &str = "CREATE TABLE peers (id int PRIMARY KEY);
    INSERT INTO peers VALUES (1), (2);
    CREATE TABLE t (id int PRIMARY KEY, a int, note text, b int);
    INSERT INTO t SELECT n, 1, 'old', n FROM generate_series(1, 50) n;
    INSERT INTO t VALUES (51, 2, 'old')";

/// A constraint, a row that violates it, how it is shown, and what makes it good again.
const CONSTRAINTS: &[(&str, &str, &str, &str)] = &[
    (
        "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        "INSERT INTO t VALUES (77, NULL)",
        "id = 77",
        "UPDATE t SET a = 1 WHERE a IS NULL",
    ),
    (
        "ALTER TABLE t ADD CONSTRAINT positive CHECK (a > 0)",
        "INSERT INTO t VALUES (77, -1)",
        "id = 77",
        "UPDATE t SET a = 1 WHERE a < 0",
    ),
    (
        "ALTER TABLE t ADD CONSTRAINT peer FOREIGN KEY (a) REFERENCES peers (id)",
        "INSERT INTO t VALUES (77, 9)",
        "9",
        "UPDATE t SET a = 1 WHERE a = 9",
    ),
    (
        "ALTER TABLE t ADD CONSTRAINT single UNIQUE (b)",
        "INSERT INTO t VALUES (77, 1, 'old', 5)",
        "(5) 2 times",
        "DELETE FROM t WHERE id = 77",
    ),
    (
        "CREATE UNIQUE INDEX single ON t (a) WHERE note = 'new'",
        "INSERT INTO t VALUES (77, 5, 'new'), (78, 5, 'new')",
        "(5) 2 times",
        "DELETE FROM t WHERE id = 78",
    ),
];

/// What stands that refuses a row of `t`.
const STANDING: &str = "SELECT (SELECT count(*) FROM pg_constraint WHERE conrelid = 't'::regclass \
     AND contype IN ('c', 'f', 'u')) + (SELECT count(*) FROM pg_attribute WHERE attrelid = \
     't'::regclass AND attname = 'a' AND attnotnull) + (SELECT count(*) FROM pg_index \
     WHERE indrelid = 't'::regclass AND indisunique AND NOT indisprimary)";

#[tokio::test]
async fn a_constraint_never_stands_while_a_row_violates_it_and_waits_for_its_phase() {
    let versions = server::versions();
    let modes = [Tighten::Migrate, Tighten::Contract];
    for (turn, (constraint, violate, shown, correct)) in CONSTRAINTS.iter().enumerate() {
        for (at, tighten) in modes.into_iter().enumerate() {
            let version = versions[(turn + at) % versions.len()];
            let mut case = Case::new(version, SETUP, constraint).await;
            case.request.plan.tighten = tighten;
            let through = match tighten {
                Tighten::Migrate => Through::Phase(PhaseName::Migrate),
                Tighten::Contract => Through::All,
            };
            case.expand().await;
            if tighten == Tighten::Contract {
                case.migrate().await;
                let state = case.record().await.state;
                assert_eq!(state, MigrationState::Migrated, "{constraint}");
            }
            // Nothing refuses it before the phase that is set.
            case.is(STANDING, "0").await;
            case.sql(violate).await;
            match case.try_apply(through).await {
                Err(ApplyError::Execute(error)) => {
                    assert_eq!((error.code(), error.exit().code()), ("rows-found", 1));
                    let text = format!("{error:?}");
                    assert!(text.contains(shown), "{constraint}: {text}");
                }
                other => panic!("{constraint}: {other:?}"),
            }
            case.is(STANDING, "0").await;
            case.sql("UPDATE t SET note = note").await;
            case.sql(correct).await;
            case.try_apply(Through::All)
                .await
                .unwrap_or_else(|error| panic!("{constraint}: {error}: {error:?}"));
            assert_ne!(case.text(STANDING).await, "0", "{constraint}");
        }
    }
}

/// An empty table is not an unused one: the old application goes on writing to it as it does.
#[tokio::test]
async fn a_type_change_of_an_empty_table_keeps_the_old_application_working() {
    for version in server::versions() {
        let setup = "CREATE TABLE t (id int PRIMARY KEY, a int)";
        let change =
            "-- zdm: down(a) a::int\nALTER TABLE t ALTER COLUMN a TYPE text USING 'no ' || a";
        let case = Case::new(version, setup, change).await;
        case.migrate().await;
        // The type that it knows, with rows that no plan has seen.
        case.sql("INSERT INTO t SELECT n, n + 1 FROM generate_series(1, 50) n")
            .await;
        case.is("SELECT sum(a) FROM t", "1325").await;
        case.contract().await;
        case.is("SELECT a FROM t WHERE id = 7", "no 8").await;
    }
}

#[tokio::test]
async fn a_table_that_was_empty_and_is_filled_before_its_step_is_not_read_under_a_lock() {
    for version in server::versions() {
        let setup = "CREATE TABLE t (id int PRIMARY KEY, note text)";
        let change = "-- zdm: phase contract\nALTER TABLE t ADD EXCLUDE USING btree (note WITH =)";
        let case = Case::new(version, setup, change).await;
        case.migrate().await;
        // A writer is in the middle of its transaction when contract asks for the lock, and
        // commits while it is being waited for.
        let mut writer = case.db.connect().await;
        server::run(
            &mut writer,
            "BEGIN; INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 300) n",
        )
        .await;
        let watcher = &case;
        let commit = async {
            until("contract has begun", async || {
                watcher.text("SELECT state FROM zdm.migrations").await == "contracting"
            })
            .await;
            server::run(&mut writer, "COMMIT").await;
        };
        let (outcome, ()) = tokio::join!(case.try_apply(Through::All), commit);
        match outcome {
            Err(ApplyError::Execute(error)) => {
                assert_eq!((error.code(), error.exit().code()), ("step-failed", 1));
                let text = format!("{error:?}");
                assert!(text.contains("was empty when this was planned"), "{text}");
                assert!(text.contains("Run zdm rollback"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        case.sql("INSERT INTO t VALUES (1000, 'row 1')").await;
        case.try_rollback(Consent::None)
            .await
            .unwrap_or_else(|error| panic!("{error:?}"));
        // Planned anew, it is what it is for any table in use.
        assert!(matches!(
            case.try_apply(Through::All).await,
            Err(ApplyError::Plan { .. })
        ));
    }
}
