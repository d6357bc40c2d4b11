//! Each family's statements are taken apart as PostgreSQL takes them. The comparison with
//! PostgreSQL's own parser covers every form; here stands what its normal form leaves out.

use crate::{
    diagnostic::Level,
    parse::{
        StatementKind,
        ddl::summary::check_error,
        parse,
        statement::{
            ArgumentMode, GrantObjects, LabelPlace, ReindexKind, Returns, RoutineBody,
            TableLockMode, TriggerEvent, TypeAction, TypeDefinition, Utility, Volatility,
        },
    },
    source::SourceFile,
};

fn read(sql: &str) -> Utility {
    let script = parse(SourceFile::new("test", sql));
    let errors: Vec<_> = script
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.level == Level::Error)
        .collect();
    assert!(errors.is_empty(), "{sql}: {errors:?}");
    match &script.statements[0].kind {
        StatementKind::Opaque(opaque) => *opaque.utility.clone().expect(sql),
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn a_view_knows_its_query_and_what_it_reads() {
    let sql = "CREATE OR REPLACE VIEW s.v (a, b) WITH (security_barrier) AS \
               SELECT 1, 2 FROM t JOIN u USING (id) WITH LOCAL CHECK OPTION";
    let Utility::CreateView(view) = read(sql) else {
        panic!("no view")
    };
    assert_eq!(view.query.of(sql), "SELECT 1, 2 FROM t JOIN u USING (id)");
    let reads: Vec<_> = view.reads.iter().map(ToString::to_string).collect();
    assert_eq!(reads, ["t", "u"]);
    assert!(view.or_replace && view.check_option.is_some() && view.columns.len() == 2);
    let sql = "CREATE MATERIALIZED VIEW v AS TABLE t WITH NO DATA";
    let Utility::CreateView(view) = read(sql) else {
        panic!("no view")
    };
    assert!(view.materialized && !view.with_data);
    assert_eq!(view.query.of(sql), "TABLE t");
}

#[test]
fn labels_of_an_enum_keep_their_value_and_place() {
    let Utility::CreateType(made) = read("CREATE TYPE mood AS ENUM ('a', 'it''s', E'b\\n')") else {
        panic!("no type")
    };
    assert_eq!(
        made.definition,
        TypeDefinition::Enum(vec!["a".into(), "it's".into(), "b\n".into()])
    );
    let Utility::AlterType(alter) = read("ALTER TYPE mood ADD VALUE IF NOT EXISTS 'c' BEFORE 'a'")
    else {
        panic!("no type")
    };
    assert_eq!(
        alter.actions,
        [TypeAction::AddValue {
            if_not_exists: true,
            value: "c".into(),
            place: Some(LabelPlace::Before("a".into())),
        }]
    );
}

#[test]
fn arguments_of_a_function_are_told_from_their_names() {
    let sql = "CREATE FUNCTION f(int, a double precision = 1, INOUT b timestamp with time zone, \
               c OUT text, VARIADIC d text[] DEFAULT '{}', precision int) RETURNS SETOF t%ROWTYPE";
    let sql = sql.replace(" RETURNS SETOF t%ROWTYPE", "")
        + " RETURNS SETOF record LANGUAGE sql STABLE AS $x$ SELECT 1 $x$";
    let Utility::CreateFunction(function) = read(&sql) else {
        panic!("no function")
    };
    let found: Vec<_> = function
        .arguments
        .iter()
        .map(|argument| {
            (
                argument.mode,
                argument.name.as_ref().map_or("", |name| name.as_str()),
                argument.ty.text.as_str(),
                argument.default.is_some(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (ArgumentMode::In, "", "int", false),
            (ArgumentMode::In, "a", "double precision", true),
            (ArgumentMode::InOut, "b", "timestamp with time zone", false),
            (ArgumentMode::Out, "c", "text", false),
            (ArgumentMode::Variadic, "d", "text[]", true),
            (ArgumentMode::In, "precision", "int", false),
        ]
    );
    assert!(matches!(function.returns, Returns::Type { set: true, .. }));
    assert_eq!(function.volatility, Some(Volatility::Stable));
    let RoutineBody::Text(body) = function.body else {
        panic!("no text")
    };
    assert_eq!(body.of(&sql), "$x$ SELECT 1 $x$");
}

#[test]
fn code_that_builds_statements_is_known() {
    let dynamic = |sql: &str| match read(sql) {
        Utility::Do(block) => block.dynamic,
        Utility::CreateFunction(function) => function.dynamic,
        other => panic!("{other:?}"),
    };
    assert!(dynamic(
        "DO LANGUAGE plpgsql $$ BEGIN EXECUTE 'DROP TABLE t'; END $$"
    ));
    assert!(!dynamic("DO $$ BEGIN DROP TABLE t; END $$"));
    assert!(dynamic(
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE q; END $$"
    ));
}

#[test]
fn a_trigger_knows_its_events_and_columns() {
    let sql = "CREATE TRIGGER g BEFORE INSERT OR UPDATE OF a, b ON s.t REFERENCING NEW TABLE AS n \
               FOR EACH ROW WHEN (new.a > 0) EXECUTE FUNCTION f('x')";
    let Utility::CreateTrigger(trigger) = read(sql) else {
        panic!("no trigger")
    };
    assert_eq!(trigger.events[0], TriggerEvent::Insert);
    assert!(matches!(&trigger.events[1], TriggerEvent::Update(columns) if columns.len() == 2));
    assert_eq!(trigger.when.expect("a condition").text, "new.a > 0");
    assert!(trigger.each_row && trigger.new_table.is_some());
}

#[test]
fn grants_tell_kinds_from_tables_of_that_name() {
    let kind = |sql: &str| match read(sql) {
        Utility::Grant(grant) => match grant.on {
            GrantObjects::Named { kind, names } => format!("{} {}", kind.as_str(), names.len()),
            GrantObjects::AllInSchema { kind, schemas } => {
                format!("ALL {} {}", kind.as_str(), schemas.len())
            }
            GrantObjects::Future(kind) => kind.as_str().to_owned(),
        },
        other => format!("{other:?}"),
    };
    assert_eq!(kind("GRANT SELECT ON sequence TO r"), "TABLE 1");
    assert_eq!(kind("GRANT USAGE ON SEQUENCE a, b TO r"), "SEQUENCE 2");
    assert_eq!(
        kind("GRANT EXECUTE ON FUNCTION a, b(int) TO r"),
        "FUNCTION 2"
    );
    assert_eq!(
        kind("REVOKE ALL ON ALL TABLES IN SCHEMA x, y FROM PUBLIC CASCADE"),
        "ALL TABLE 2"
    );
}

#[test]
fn maintenance_knows_both_syntaxes() {
    let full = |sql: &str| match read(sql) {
        Utility::Vacuum(vacuum) => (vacuum.is_on("full"), vacuum.is_on("analyze")),
        other => panic!("{other:?}"),
    };
    assert_eq!(full("VACUUM FULL ANALYZE t"), (true, true));
    assert_eq!(full("VACUUM (FULL false, ANALYZE) t (a, b)"), (false, true));
    let Utility::Reindex(reindex) = read("REINDEX (CONCURRENTLY, VERBOSE) TABLE t") else {
        panic!("no REINDEX")
    };
    assert!(reindex.concurrently && reindex.kind == ReindexKind::Table);
    let Utility::Lock(lock) = read("LOCK ONLY a, b IN SHARE ROW EXCLUSIVE MODE NOWAIT") else {
        panic!("no LOCK")
    };
    assert_eq!(lock.mode, TableLockMode::ShareRowExclusive);
    assert!(lock.nowait && lock.relations[0].0 && !lock.relations[1].0);
}

#[test]
fn mistakes_are_errors() {
    check_error(&[
        ("CREATE VIEW v SELECT 1", "Expected AS, found `SELECT`."),
        (
            "CREATE TRIGGER g BEFORE INSERT OR ON t EXECUTE FUNCTION f()",
            "Expected INSERT, UPDATE, DELETE or TRUNCATE, found `ON`.",
        ),
        (
            "ALTER TYPE mood ADD VALUE c",
            "Expected a label, found `c`.",
        ),
        (
            "CREATE FUNCTION f() RETURNS int LANGUAGE sql",
            "Expected an attribute of the function, AS, RETURN or BEGIN ATOMIC, but the statement ends here.",
        ),
        ("COMMENT ON TABLE t 'x'", "Expected IS, found `'x'`."),
        (
            "LOCK t IN SHARED MODE",
            "Expected a lock mode such as SHARE or ACCESS EXCLUSIVE, found `SHARED`.",
        ),
        ("GRANT SELECT t TO r", "Expected ON, found `t`."),
        (
            "CREATE SCHEMA s CREATE TABLE t (a int,) GRANT SELECT ON t TO r",
            "Expected a column, found `)`.",
        ),
    ]);
}
