//! What runs when, and what is refused.

use zdm::{
    effects::LockMode,
    execute::{
        ExitClass,
        apply::{ApplyError, Through},
        driver::Consent,
        journal::MigrationState,
    },
    parse::PhaseName,
    plan::{Guard, Plan, StepKind, UndoKind},
};

use super::{PEOPLE, RENAME, both, each};
use crate::{
    live::{
        apply::file,
        case::{Case, text},
    },
    support::{server, snapshot},
};

/// Everything that hangs on a column.
const RICH: &str = "CREATE TABLE parents (id bigint PRIMARY KEY);
    INSERT INTO parents SELECT generate_series(1, 50);
    CREATE TABLE people (id bigint PRIMARY KEY, name text COLLATE \"C\" NOT NULL CHECK (name <> ''),
        parent bigint REFERENCES parents ON DELETE CASCADE, other int);
    INSERT INTO people SELECT n, 'name ' || n, n FROM generate_series(1, 50) n;
    CREATE UNIQUE INDEX people_name ON people (lower(name) text_pattern_ops DESC) INCLUDE (name) WHERE name <> 'x';
    ALTER TABLE people ADD CONSTRAINT people_name_key UNIQUE (name);
    CREATE TABLE children (name text COLLATE \"C\" REFERENCES people (name) ON UPDATE CASCADE);
    INSERT INTO children VALUES ('name 1');
    CREATE VIEW names AS SELECT id, name FROM people;
    COMMENT ON COLUMN people.name IS 'what they are called';
    ALTER TABLE people ALTER COLUMN name SET STATISTICS 200;
    DO $$ BEGIN CREATE ROLE pitfall_10; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
    GRANT SELECT (name), UPDATE (name) ON people TO pitfall_10;";

/// Migrations of every kind that keeps two shapes in step, on [`RICH`].
const SPLIT: &[&str] = &[
    "ALTER TABLE people RENAME COLUMN name TO full_name;",
    "ALTER TABLE people RENAME COLUMN parent TO parent_id;",
    "ALTER TABLE people ADD COLUMN label text; UPDATE people SET label = upper(name);
     ALTER TABLE people DROP COLUMN other;",
    "-- zdm: up(label) upper(name)\nALTER TABLE people ADD COLUMN label text NOT NULL;",
    "-- zdm: up(other) 0\nALTER TABLE people ALTER COLUMN other SET NOT NULL;",
    "ALTER TABLE people ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();",
];

async fn each_plan(test: impl AsyncFn(&Case, &Plan)) {
    for migration in SPLIT {
        each(RICH, migration, async |case| {
            test(&case, &case.plan().await).await;
        })
        .await;
    }
}

/// The position of the first statement that begins so.
fn position(sql: &[String], start: &str) -> Option<usize> {
    sql.iter()
        .position(|statement| statement.starts_with(start))
}

fn is_constraint(sql: &str) -> bool {
    sql.contains(" ADD CONSTRAINT ") || sql.contains(" INDEX ") || sql.contains(" SET NOT NULL")
}

#[tokio::test]
async fn pitfall_01_trigger_before_any_constraint() {
    each_plan(async |_, plan| {
        let mut created = false;
        for sql in plan.steps().flat_map(|step| &step.sql) {
            created |= sql.starts_with("CREATE TRIGGER");
            assert!(created || !is_constraint(sql), "before the trigger: {sql}");
        }
        assert!(created);
    })
    .await;
}

#[tokio::test]
async fn pitfall_02_trigger_goes_before_the_column() {
    each_plan(async |_, plan| {
        let undo = plan.steps().flat_map(|step| &step.undo).map(|undo| {
            assert!(undo.how == UndoKind::Ddl || position(&undo.sql, "DROP TRIGGER").is_none());
            &undo.sql
        });
        let mut gone = 0;
        for sql in plan.steps().map(|step| &step.sql).chain(undo) {
            let Some(trigger) = position(sql, "DROP TRIGGER") else {
                continue;
            };
            gone += 1;
            let function = position(sql, "DROP FUNCTION").unwrap();
            assert!(trigger < function, "{sql:#?}");
            let column = sql
                .iter()
                .position(|sql| sql.contains(" DROP COLUMN ") || sql.contains(" RENAME COLUMN "));
            assert!(column.is_none_or(|column| function < column), "{sql:#?}");
        }
        assert_eq!(gone, 2, "once in contract and once in rollback");
    })
    .await;
}

#[tokio::test]
async fn pitfall_10_nothing_is_dropped_that_was_not_named() {
    each_plan(async |_, plan| {
        let undo = plan
            .steps()
            .flat_map(|step| &step.undo)
            .flat_map(|undo| &undo.sql);
        for sql in plan.steps().flat_map(|step| &step.sql).chain(undo) {
            assert!(!sql.ends_with("CASCADE"), "{sql}");
        }
    })
    .await;
    // What hangs on the column is as after the plain statement.
    for migration in [SPLIT[0], SPLIT[1]] {
        each(RICH, migration, async |case| {
            let plain = server::fresh_database(case.db.version, RICH).await;
            plain.run(migration).await;
            case.migrate().await;
            case.contract().await;
            let mut expected = plain.connect().await;
            let mut actual = case.db.connect().await;
            crate::support::assert_same_schema(&mut expected, &mut actual).await;
            crate::support::assert_same_data(&mut expected, &mut actual).await;
        })
        .await;
    }
    // And back.
    each(RICH, SPLIT[0], async |case| {
        let mut conn = case.db.connect().await;
        let before = snapshot::catalog_snapshot(&mut conn, snapshot::Columns::ByName).await;
        case.migrate().await;
        case.rollback().await;
        let after = snapshot::catalog_snapshot(&mut conn, snapshot::Columns::ByName).await;
        crate::support::assert_same_text("the schema", &before, &after);
    })
    .await;
    for migration in [
        "ALTER TABLE people DROP COLUMN name;",
        "ALTER TABLE people DROP COLUMN name CASCADE;",
        "DROP TABLE people CASCADE;",
    ] {
        each(RICH, migration, async |case| {
            assert!(["fails", "cascade"].contains(&case.refusal().await.rule.as_str()));
        })
        .await;
    }
}

#[tokio::test]
async fn pitfall_12_no_migration_is_completed_unasked() {
    let setup = "CREATE TABLE a (x int); CREATE TABLE b (x int); INSERT INTO a VALUES (1);";
    each(
        setup,
        "ALTER TABLE a RENAME COLUMN x TO y;",
        async |mut case| {
            case.files
                .push(file("2", "ALTER TABLE b RENAME COLUMN x TO y;"));
            case.files
                .push(file("3", "ALTER TABLE b ADD COLUMN z int;"));
            case.files.push(file("4", "CREATE INDEX ON b (y);"));
            let error = case.try_apply(Through::Default).await.unwrap_err();
            let ApplyError::Execute(error) = error else {
                panic!("{error}")
            };
            assert_eq!((error.code(), error.exit()), ("queued", ExitClass::Stopped));
            // The renames wait for contract, and the old application still finds its columns. What
            // touches neither of them may go on; what reads a renamed column is queued.
            case.sql("UPDATE a SET x = 2; INSERT INTO b (x) VALUES (3);")
                .await;
            case.is(
                "SELECT string_agg(id || ' ' || state, ',' ORDER BY id) FROM zdm.migrations",
                "1 migrated,2 migrated,3 done,4 queued",
            )
            .await;
        },
    )
    .await;
}

#[tokio::test]
async fn pitfall_13_a_refusal_is_no_success() {
    for (migration, rule) in [
        (
            "ALTER TABLE people RENAME COLUMN nam TO full_name;",
            "no-such-column",
        ),
        (
            "ALTER TABLE persons RENAME COLUMN name TO full_name;",
            "no-such-table",
        ),
        ("ALTER TABLE people RENAME COLUMN name TO other;", "fails"),
        (
            "ALTER TABLE people ADD COLUMN label text NOT NULL;",
            "missing-up",
        ),
    ] {
        each(PEOPLE, migration, async |case| {
            let error = case.try_apply(Through::All).await.unwrap_err();
            let ApplyError::Plan { diagnostics, .. } = error else {
                panic!("{error}")
            };
            assert_eq!(diagnostics[0].rule, rule, "{diagnostics:#?}");
            case.is("SELECT count(*) FROM zdm.migrations", "0").await;
        })
        .await;
    }
    // An error in the middle is told, and leaves the step undone.
    each(PEOPLE, "-- zdm: up(label) upper(name)::int::text\nALTER TABLE people ADD COLUMN label text NOT NULL;", async |case| {
        let error = case.try_apply(Through::All).await.unwrap_err();
        let ApplyError::Execute(error) = error else { panic!("{error}") };
        assert_eq!(error.exit(), ExitClass::Refused, "{error:#?}");
        case.rollback().await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_42_constraints_come_after_the_fill() {
    each_plan(async |_, plan| {
        let filled = plan
            .steps()
            .position(|step| matches!(step.kind, StepKind::Backfill { .. }))
            .unwrap();
        for (at, step) in plan.steps().enumerate() {
            assert!(
                at > filled || !step.sql.iter().any(|sql| is_constraint(sql)),
                "{step:#?}"
            );
        }
    })
    .await;
    // Rows that are not filled take any write.
    each(RICH, SPLIT[0], async |case| {
        case.expand().await;
        case.sql("UPDATE people SET other = 1; UPDATE people SET name = name || '.' WHERE id = 2")
            .await;
        case.migrate().await;
        case.contract().await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_43_a_value_read_from_an_unfilled_row_does_no_harm() {
    each(PEOPLE, RENAME, async |case| {
        let plan = case.plan().await;
        let compat = |phase| {
            let row = plan.compat.iter().find(|row| row.after == phase).unwrap();
            (row.old, row.new)
        };
        assert_eq!(compat(PhaseName::Expand), (true, false));
        assert_eq!(compat(PhaseName::Migrate), (true, true));
        assert_eq!(compat(PhaseName::Contract), (false, true));
        case.expand().await;
        // A new application that came too early reads NULL and writes it back.
        case.sql("UPDATE people SET full_name = full_name, other = 1 WHERE id = 1")
            .await;
        case.is(&both(1), "name 1|name 1").await;
        case.sql("UPDATE people SET full_name = NULL, other = 1 WHERE id = 2")
            .await;
        case.is(&both(2), "name 2|name 2").await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_44_add_update_drop_loses_nothing() {
    let migration =
        "ALTER TABLE people ADD COLUMN label text; UPDATE people SET label = upper(name);
        ALTER TABLE people DROP COLUMN name;";
    each(PEOPLE, migration, async |case| {
        case.sql("INSERT INTO people VALUES (-1, 'before')").await;
        case.expand().await;
        case.sql("INSERT INTO people (id, name) VALUES (-2, 'expanded'); UPDATE people SET name = 'a' WHERE id = 1").await;
        case.migrate().await;
        case.sql("INSERT INTO people (id, name) VALUES (-3, 'migrated'); UPDATE people SET name = 'b' WHERE id = 2").await;
        case.sql("INSERT INTO people (id, label) VALUES (-4, 'New')").await;
        case.contract().await;
        case.is(
            "SELECT string_agg(label, ',' ORDER BY id) FROM people WHERE id < 4",
            "New,MIGRATED,EXPANDED,BEFORE,A,B,NAME 3",
        )
        .await;
        case.is("SELECT count(*) FROM people WHERE label IS NULL", "1").await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_45_rollback_lists_what_it_cannot_keep() {
    let setup = "CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL);
        INSERT INTO people SELECT n, 'name ' || n FROM generate_series(1, 50) n;";
    let migration =
        "ALTER TABLE people ADD COLUMN label text; UPDATE people SET label = upper(name);
        ALTER TABLE people DROP COLUMN name;";
    each(setup, migration, async |case| {
        case.migrate().await;
        case.sql("INSERT INTO people (id, label) VALUES (-1, 'New')").await;
        case.sql("UPDATE people SET label = 'Changed' WHERE id IN (1, 2)").await;
        let error = case.try_rollback(Consent::None).await.unwrap_err();
        assert_eq!((error.code(), error.exit()), ("rows-found", ExitClass::Refused));
        let message = error.to_string();
        assert!(message.contains("1 rows of people have no name any more"), "{message}");
        assert!(message.contains("3 values of people.label"), "{message}");
        // Nothing was taken back.
        case.is("SELECT state FROM zdm.migrations", "migrated").await;
        case.is("SELECT label FROM people WHERE id = -1", "New").await;
        // With consent it goes back as far as the data allow, and the old application works.
        case.try_rollback(Consent::Given).await.unwrap_or_else(|error| panic!("{error:#?}"));
        case.is("SELECT string_agg(attname, ',') FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum > 0 AND NOT attisdropped", "id,name").await;
        case.sql("UPDATE people SET name = 'x' WHERE id = 1; UPDATE people SET id = -2 WHERE id = -1").await;
    })
    .await;
    // Without loss nothing is asked, and NOT NULL is back.
    each(setup, migration, async |case| {
        case.migrate().await;
        case.sql("UPDATE people SET name = 'again' WHERE id = 1").await;
        case.rollback().await;
        case.is("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'people'::regclass AND attname = 'name'", "true").await;
    })
    .await;
}

#[tokio::test]
async fn pitfall_51_children_and_not_null_domains_are_refused() {
    each(
        "CREATE TABLE people (id int, name text); CREATE TABLE employees () INHERITS (people);",
        RENAME,
        async |case| {
            let refusal = case.refusal().await;
            assert!(
                refusal.message.contains("people has inheritance children"),
                "{refusal:#?}"
            );
        },
    )
    .await;
    each(
        "CREATE TABLE base (id int, name text); CREATE TABLE people () INHERITS (base);",
        RENAME,
        async |case| {
            assert!(
                case.refusal()
                    .await
                    .message
                    .contains("people is a partition or inherits")
            );
        },
    )
    .await;
    each(
        "CREATE DOMAIN given AS text NOT NULL; CREATE TABLE people (id int, name given);",
        RENAME,
        async |case| {
            assert!(
                case.refusal()
                    .await
                    .message
                    .contains("domain that refuses NULL")
            );
        },
    )
    .await;
}

#[tokio::test]
async fn pitfall_52_one_guarded_transaction_with_its_true_lock() {
    each_plan(async |case, plan| {
        let step = plan
            .steps()
            .find(|step| position(&step.sql, "CREATE TRIGGER").is_some())
            .unwrap();
        assert!(step.transactional);
        assert_eq!(step.guard, Guard::Ladder);
        assert!(position(&step.sql, "CREATE FUNCTION") < position(&step.sql, "CREATE TRIGGER"));
        let triggers = step.sql.iter().filter(|sql| sql.starts_with("CREATE TRIGGER")).count();
        let always = step.sql.iter().filter(|sql| sql.contains("ENABLE ALWAYS TRIGGER")).count();
        assert_eq!(triggers, always);
        // The locks that the server takes are those that the plan says.
        let mut conn = case.db.connect().await;
        server::run(&mut conn, "BEGIN").await;
        for sql in &step.sql {
            server::run(&mut conn, sql).await;
        }
        let held = text(
            &mut conn,
            "SELECT string_agg(DISTINCT mode, ',' ORDER BY mode) FROM pg_locks \
             WHERE relation = 'public.people'::regclass AND mode LIKE '%Exclusive%' AND mode NOT LIKE 'Row%'",
        )
        .await;
        let said = step.locks.iter().find(|lock| lock.relation.short() == "people").unwrap().mode;
        let name = match said {
            LockMode::AccessExclusive => "AccessExclusiveLock",
            LockMode::ShareRowExclusive => "ShareRowExclusiveLock",
            other => panic!("{other:?}"),
        };
        assert!(held.split(',').any(|mode| mode == name), "{held}, but the plan says {said:?}");
        assert!(said == LockMode::AccessExclusive || !held.contains("AccessExclusive"), "{held}");
        server::run(&mut conn, "ROLLBACK").await;
    })
    .await;
}

#[tokio::test]
async fn a_state_is_where_its_phase_ended() {
    each(PEOPLE, RENAME, async |case| {
        case.expand().await;
        assert_eq!(
            case.try_apply(Through::Default).await.unwrap(),
            MigrationState::Migrated
        );
    })
    .await;
}

#[tokio::test]
async fn a_view_that_depends_on_the_key_is_refused_before_anything_changes() {
    let setup = "CREATE TABLE people (id bigint PRIMARY KEY, name text NOT NULL);
        CREATE VIEW named AS SELECT id, name, count(*) AS times FROM people GROUP BY id;";
    each(setup, "ALTER TABLE people RENAME COLUMN id TO person_id;", async |case| {
        let error = case.try_apply(Through::Default).await.unwrap_err();
        assert!(error.to_string().contains("depend on people.id"), "{error}");
        case.is("SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'people'::regclass AND attnum > 0", "id,name").await;
    })
    .await;
}
