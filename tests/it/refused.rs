//! Statements that would keep clients waiting for as long as a table is large are refused by
//! name, offline as on a server, and what the help says to write instead is planned.

use zdm::{
    diagnostic::{Diagnostic, Level},
    execute::apply::plan_file,
    parse::parse,
    plan::Planned,
    source::SourceFile,
};

use crate::support::phases::{migration, plan_settings, replayed};

const SCHEMA: &str = "CREATE SCHEMA archive;
    CREATE TABLE p (id int PRIMARY KEY);
    CREATE TABLE t (id int PRIMARY KEY, a int, b text, during int4range,
        twice int GENERATED ALWAYS AS (a * 2) STORED, ref int);
    CREATE TABLE child () INHERITS (t);
    CREATE TABLE alone (id int PRIMARY KEY, a int, b text, during int4range,
        twice int GENERATED ALWAYS AS (a * 2) STORED, ref int);
    CREATE INDEX alone_a ON alone (a);
    CREATE SEQUENCE numbers;
    CREATE DOMAIN amount AS int;
    CREATE TYPE place AS (x int);
    CREATE TABLE owing (id int, owes amount);
    ALTER DOMAIN amount ADD CONSTRAINT under CHECK (VALUE < 100) NOT VALID;
    CREATE VIEW shown AS SELECT id FROM alone;
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER tg BEFORE UPDATE ON alone FOR EACH ROW EXECUTE FUNCTION f();";

fn planned(version: u32, sql: &str) -> Planned {
    plan_file(
        &migration("1", "one", sql),
        &replayed(version, SCHEMA),
        &plan_settings(),
    )
}

fn refusal(version: u32, sql: &str) -> Diagnostic {
    let planned = planned(version, sql);
    assert!(planned.refused(), "{sql}: {:#?}", planned.plan);
    let mut errors = planned.diagnostics.into_iter();
    errors
        .find(|diagnostic| diagnostic.level == Level::Error)
        .expect("an error")
}

/// What stands between backticks in a help and is SQL that could be run as it is.
fn offered(help: &str) -> Vec<&str> {
    help.split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| !text.starts_with("--") && !text.contains('…'))
        .collect()
}

#[test]
fn what_stops_clients_for_long_is_refused_by_name_with_sql_that_does_not() {
    for (since, sql, rule, words, offers) in [
        (
            14,
            "CLUSTER alone USING alone_a",
            "cluster",
            "all of alone",
            1,
        ),
        (14, "VACUUM FULL alone", "vacuum-full", "all of alone", 2),
        (
            14,
            "VACUUM (FULL, ANALYZE) alone",
            "vacuum-full",
            "all of alone",
            2,
        ),
        (
            14,
            "ALTER TABLE alone SET UNLOGGED",
            "set-unlogged",
            "a crash empties it",
            1,
        ),
        (
            14,
            "ALTER TABLE alone SET TABLESPACE fast",
            "set-tablespace",
            "(alone)",
            2,
        ),
        (
            14,
            "ALTER INDEX alone_a SET TABLESPACE fast",
            "set-tablespace",
            "alone_a",
            1,
        ),
        (
            14,
            "ALTER TABLE ALL IN TABLESPACE slow SET TABLESPACE fast",
            "set-tablespace",
            "slow",
            0,
        ),
        (
            15,
            "ALTER TABLE alone SET ACCESS METHOD columnar",
            "set-access-method",
            "(alone)",
            1,
        ),
        (
            14,
            "ALTER TABLE alone ADD CONSTRAINT e EXCLUDE USING gist (during WITH &&)",
            "exclude",
            "cannot be built concurrently",
            1,
        ),
        (
            14,
            "ALTER TABLE alone ADD EXCLUDE (a WITH =)",
            "exclude",
            "all of alone",
            1,
        ),
        (
            17,
            "ALTER TABLE alone ALTER COLUMN twice SET EXPRESSION AS (a * 3)",
            "set-expression",
            "alone.twice",
            1,
        ),
        (
            14,
            "ALTER TABLE alone SET SCHEMA archive",
            "set-schema",
            "archive",
            1,
        ),
        (
            14,
            "ALTER TABLE alone INHERIT t",
            "inherit",
            "the rows of alone",
            0,
        ),
        (
            14,
            "ALTER TABLE child NO INHERIT t",
            "inherit",
            "no longer read",
            0,
        ),
        (14, "ALTER TABLE alone NOT OF", "typed-table", "alone", 0),
        (
            14,
            "ALTER TABLE alone DISABLE TRIGGER tg; UPDATE alone SET b = 'x' WHERE id = 1; \
             ALTER TABLE alone ENABLE TRIGGER tg",
            "trigger-off",
            "trigger tg of alone",
            0,
        ),
        (
            14,
            "ALTER TABLE alone ADD COLUMN z int GENERATED ALWAYS AS (a + 1) STORED",
            "rewrite",
            "stored generated",
            0,
        ),
        (
            14,
            "ALTER DOMAIN amount ADD CHECK (VALUE > 0)",
            "domain-scan",
            "all of owing",
            2,
        ),
        (
            14,
            "ALTER DOMAIN amount SET NOT NULL",
            "domain-scan",
            "all of owing",
            2,
        ),
        (
            14,
            "ALTER DOMAIN amount VALIDATE CONSTRAINT under",
            "domain-scan",
            "all of owing",
            1,
        ),
        (
            14,
            "ALTER TYPE place ADD ATTRIBUTE y int",
            "composite-type",
            "place changes for both",
            0,
        ),
        (
            14,
            "ALTER TYPE place RENAME ATTRIBUTE x TO y",
            "composite-type",
            "by its old name",
            0,
        ),
    ] {
        for version in since..=18 {
            let found = refusal(version, sql);
            assert_eq!(found.rule, rule, "{version}: {sql}: {found:#?}");
            assert!(
                found.message.contains(words),
                "{version}: {sql}: {found:#?}"
            );
            let help = found.help.expect("what to do instead");
            let instead = offered(&help);
            assert_eq!(instead.len(), offers, "{version}: {help}");
            for sql in instead {
                let script = parse(SourceFile::new("help.sql", sql));
                assert!(
                    script.diagnostics.is_empty(),
                    "{sql}: {:#?}",
                    script.diagnostics
                );
                let planned = planned(version, sql);
                assert!(
                    !planned.refused(),
                    "{version}: {sql}: {:#?}",
                    planned.diagnostics
                );
            }
        }
    }
}

/// Where a word of the author is enough, the statement then runs as one step.
#[test]
fn a_phase_may_be_told_where_no_row_is_read() {
    for (phase, sql) in [
        (0, "-- zdm: phase expand\nALTER TABLE alone INHERIT t;"),
        (2, "-- zdm: phase contract\nALTER TABLE child NO INHERIT t;"),
        (
            2,
            "-- zdm: phase contract\nALTER TABLE alone SET SCHEMA archive;",
        ),
        (2, "ALTER SEQUENCE numbers SET SCHEMA archive;"),
        (2, "ALTER VIEW shown SET SCHEMA archive;"),
        (2, "ALTER TABLE alone DISABLE TRIGGER tg;"),
        (0, "ALTER TABLE alone SET ACCESS METHOD heap;"),
        (1, "VACUUM ANALYZE alone;"),
        (
            0,
            "-- zdm: phase expand\nALTER TYPE place ADD ATTRIBUTE y int;",
        ),
        (2, "ALTER TYPE place DROP ATTRIBUTE x;"),
        (0, "ALTER DOMAIN amount SET DEFAULT 5;"),
        (2, "ALTER DOMAIN amount DROP CONSTRAINT under;"),
    ] {
        let planned = planned(18, sql);
        assert!(!planned.refused(), "{sql}: {:#?}", planned.diagnostics);
        let steps: Vec<usize> = planned
            .plan
            .phases
            .iter()
            .map(|phase| phase.steps.len())
            .collect();
        let mut expected = vec![0, 0, 0];
        expected[phase] = 1;
        assert_eq!(steps, expected, "{sql}");
    }
    let rewritten = refusal(18, "-- zdm: phase contract\nVACUUM FULL alone;");
    assert_eq!(rewritten.rule, "vacuum-full");
}
