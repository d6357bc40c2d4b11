//! Rules of practice: their options, and the cases in which they must not speak, or once only.

use zdm::{
    catalog::{Catalog, PgVersion},
    lint::{RuleLevel, Settings, lint, rules, settings::OptionValue},
    parse::parse,
    source::SourceFile,
};

/// What a rule finds in a file behind another: the text at each place.
fn found(rule: &str, settings: &Settings, given: &str, sql: &str) -> Vec<String> {
    let mut settings = settings.clone();
    let level = rules::facts(rule).level;
    settings
        .levels
        .insert(rule.to_owned(), RuleLevel::At(level));
    let given = parse(SourceFile::new("1.sql", given));
    let before = lint(&given, &Catalog::empty(PgVersion::V18), &settings).after;
    let script = parse(SourceFile::new("2.sql", sql));
    assert_eq!(script.diagnostics, [], "{sql}");
    let findings = lint(&script, &before, &settings).findings.into_iter();
    findings
        .map(|finding| finding.diagnostic)
        .filter(|diagnostic| diagnostic.rule == rule)
        .map(|diagnostic| script.source.slice(diagnostic.span).to_owned())
        .collect()
}

fn check(rule: &str, given: &str, sql: &str, expected: &[&str]) {
    assert_eq!(
        found(rule, &Settings::default(), given, sql),
        expected,
        "{rule}: {sql}"
    );
}

fn with(rule: &str, option: &str, value: OptionValue) -> Settings {
    let mut settings = Settings::default();
    settings
        .options
        .insert((rule.to_owned(), option.to_owned()), value);
    settings
}

#[test]
fn types_are_judged_by_the_catalog_and_at_the_end_of_the_file() {
    let json = "json-column";
    check(
        json,
        "",
        "CREATE TABLE t (a JSON, b jsonb, c json[])",
        &["a JSON", "c json[]"],
    );
    check(
        json,
        "",
        "CREATE TABLE t (a pg_catalog.json)",
        &["a pg_catalog.json"],
    );
    check(json, "", "CREATE TEMP TABLE t (a json)", &[]);
    check(
        json,
        "CREATE TABLE t (a json)",
        "CREATE TABLE IF NOT EXISTS t (a json)",
        &[],
    );
    check(
        json,
        "CREATE TABLE t (a json)",
        "ALTER TABLE t RENAME COLUMN a TO b",
        &[],
    );
    check(
        json,
        "CREATE TABLE t (a json)",
        "CREATE TABLE u (LIKE t)",
        &["CREATE TABLE u (LIKE t)"],
    );
    check(
        json,
        "CREATE TABLE t (a json)",
        "CREATE TABLE u (b int) INHERITS (t)",
        &[],
    );
    check(json, "", "CREATE TABLE t (a json); DROP TABLE t", &[]);
    check(json, "", "BEGIN; CREATE TABLE t (a json); ROLLBACK", &[]);
    check(
        json,
        "",
        "CREATE TABLE t (a json); ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME a TO b;
         ALTER TABLE u ALTER b TYPE jsonb",
        &[],
    );
    check(
        json,
        "",
        "CREATE TABLE t (a json); ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME a TO b",
        &["a json"],
    );
    let char = "char-column";
    check(
        char,
        "",
        "CREATE TABLE t (a char, b \"char\", c bpchar, d character varying(3), e nchar(3))",
        &["a char", "e nchar(3)"],
    );
}

#[test]
fn keys_are_told_from_other_numbers() {
    let key = "int-key";
    check(
        key,
        "",
        "CREATE TABLE t (id int NOT NULL, n int); CREATE SEQUENCE s;
         ALTER TABLE t ALTER COLUMN id SET DEFAULT nextval('s'); ALTER TABLE t ADD PRIMARY KEY (id)",
        &["id int NOT NULL"],
    );
    check(
        key,
        "CREATE TABLE t (id int PRIMARY KEY)",
        "ALTER TABLE t ADD COLUMN parent int REFERENCES t, ADD COLUMN n int",
        &["parent int REFERENCES t"],
    );
    let narrow = "narrow-foreign-key";
    let given = "CREATE DOMAIN number AS int; CREATE TABLE p (id bigint PRIMARY KEY)";
    check(
        narrow,
        given,
        "CREATE TABLE t (id bigint, p number REFERENCES p)",
        &["p number REFERENCES p"],
    );
    check(
        narrow,
        given,
        "CREATE TABLE t (id bigint, q int, FOREIGN KEY (q) REFERENCES p (id))",
        &["q int"],
    );
    check(
        narrow,
        "CREATE TABLE p (id bigint, day date, UNIQUE (id, day))",
        "CREATE TABLE t (p int, day date, FOREIGN KEY (p, day) REFERENCES p (id, day))",
        &["p int"],
    );
    check(
        narrow,
        "CREATE TABLE p (id varchar(10) PRIMARY KEY)",
        "CREATE TABLE t (p varchar(10) REFERENCES p, q text REFERENCES p)",
        &[],
    );
}

#[test]
fn names_are_those_that_a_statement_gives() {
    let long = "n".repeat(64);
    let kept = "n".repeat(63);
    let rule = "long-name";
    check(rule, "", &format!("CREATE TABLE t ({kept} int)"), &[]);
    check(rule, "", &format!("CREATE TABLE t ({long} int)"), &[&long]);
    check(
        rule,
        &format!("CREATE TABLE t ({long} int)"),
        &format!("ALTER TABLE t DROP COLUMN {long}; DROP INDEX IF EXISTS {long}"),
        &[],
    );
    for sql in [
        format!("CREATE VIEW {long} AS SELECT 1 AS a"),
        format!("CREATE TYPE {long} AS ENUM ('a')"),
        format!("CREATE FUNCTION {long}() RETURNS int LANGUAGE sql AS 'SELECT 1'"),
        format!("CREATE SEQUENCE {long}"),
        format!("CREATE SCHEMA {long}"),
        format!("CREATE DOMAIN d AS int CONSTRAINT {long} CHECK (VALUE > 0)"),
        format!("ALTER TABLE t ADD CONSTRAINT {long} CHECK (a > 0)"),
        format!("ALTER TABLE t RENAME TO {long}"),
        format!("CREATE POLICY {long} ON t"),
    ] {
        check(rule, "CREATE TABLE t (a int)", &sql, &[&long]);
    }
    check(
        "reserved-name",
        "",
        "CREATE TABLE t (a int, \"a\" int)",
        &[],
    );
    check(
        "folded-name",
        "",
        "CREATE INDEX ByName ON t (a)",
        &["ByName"],
    );
}

#[test]
fn options_say_where_names_need_a_schema_and_what_is_to_be_described() {
    let always = with(
        "unqualified-name",
        "when",
        OptionValue::Text("always".into()),
    );
    let sql = "CREATE TABLE t (a int); CREATE TABLE app.u (a int); DROP TRIGGER x ON t";
    let said = found("unqualified-name", &always, "CREATE SCHEMA app", sql);
    assert_eq!(said, ["CREATE TABLE t (a int)", "DROP TRIGGER x ON t"]);
    check("unqualified-name", "CREATE SCHEMA app", sql, &[]);

    let both = OptionValue::Texts(vec!["tables".into(), "columns".into()]);
    let both = with("missing-comment", "on", both);
    let sql = "CREATE TABLE t (a int, b int); COMMENT ON COLUMN t.b IS 'A number.'";
    assert_eq!(found("missing-comment", &both, "", sql), ["t", "a int"]);
    check("missing-comment", "", sql, &["t"]);
}

#[test]
fn a_call_is_told_from_other_names_before_parentheses() {
    let rule = "dynamic-sql";
    let given = "CREATE SCHEMA app; CREATE TABLE t (a int);
        CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS
        'BEGIN EXECUTE ''SELECT 1''; RETURN 1; END';
        CREATE FUNCTION app.g() RETURNS int LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE 'SELECT 1'; RETURN 1; END $$;
        CREATE FUNCTION h() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE 'SELECT 1'; RETURN NEW; END $$";
    check(rule, given, "SELECT f()", &["f"]);
    check(
        rule,
        given,
        "UPDATE t SET a = public.f() WHERE a = 1",
        &["public.f"],
    );
    check(rule, given, "SELECT g()", &[]);
    check(rule, given, "SELECT app.g()", &["app.g"]);
    check(rule, given, "DO $$ BEGIN PERFORM f(); END $$", &[]);
    check(rule, given, "INSERT INTO app.g (a) SELECT a FROM t", &[]);
    check(
        rule,
        given,
        "CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION h()",
        &[],
    );
}

#[test]
fn types_are_found_in_composite_types_and_in_what_a_query_makes() {
    let json = "json-column";
    check(
        json,
        "",
        "CREATE TYPE one AS (a json, b jsonb); CREATE TYPE two AS (c json[])",
        &["json", "json[]"],
    );
    check(
        json,
        "CREATE TYPE one AS (a int)",
        "ALTER TYPE one ADD ATTRIBUTE b json, ALTER ATTRIBUTE a TYPE text",
        &["json"],
    );
    check(
        "char-column",
        "",
        "CREATE TYPE one AS (a char(3))",
        &["char(3)"],
    );
    // Columns of the type get them from there, and a table of it has none of its own.
    check(
        json,
        "CREATE TYPE one AS (a json)",
        "CREATE TABLE t OF one; CREATE TABLE u (a one)",
        &[],
    );
    let given = "CREATE TABLE t (a int PRIMARY KEY, b json)";
    for sql in [
        "CREATE TABLE u AS SELECT b FROM t",
        "SELECT b INTO u FROM t",
        "SELECT a, b AS c INTO UNLOGGED TABLE u FROM t WHERE a > 1",
    ] {
        check(json, given, sql, &[sql]);
    }
    for sql in [
        "SELECT b INTO TEMP u FROM t",
        "SELECT a INTO u FROM t",
        "SELECT b::jsonb AS b INTO u FROM t",
        "SELECT b INTO u FROM t; ALTER TABLE u ALTER b TYPE jsonb USING b::text::jsonb",
    ] {
        check(json, given, sql, &[]);
    }
    let sql = "SELECT a INTO u FROM t";
    check("missing-primary-key", given, sql, &["u"]);
}

#[test]
fn names_with_unicode_escapes_are_names() {
    check(
        "reserved-name",
        "",
        r#"CREATE TABLE t (U&"us\0065r" int, U&"d!0061y" UESCAPE '!' int)"#,
        &[r#"U&"us\0065r""#],
    );
    let long = "x".repeat(60);
    let sql = format!(r#"CREATE TABLE U&"\0061{long}bcd" (a int)"#);
    let at = format!(r#"U&"\0061{long}bcd""#);
    check("long-name", "", &sql, &[&at]);
}

#[test]
fn a_trigger_with_dynamic_sql_counts_where_it_fires() {
    let rule = "dynamic-sql";
    let given = "CREATE SCHEMA app; CREATE TABLE t (a int, b int); CREATE TABLE u (a int);
        CREATE FUNCTION app.h() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN EXECUTE 'SELECT 1'; RETURN NEW; END $$;
        CREATE FUNCTION calm() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TRIGGER x BEFORE UPDATE OF b ON t FOR EACH ROW WHEN (NEW.a > 1) EXECUTE FUNCTION app.h();
        CREATE TRIGGER y BEFORE INSERT ON u FOR EACH ROW EXECUTE FUNCTION calm();";
    check(
        rule,
        given,
        "UPDATE t SET b = 1 WHERE a = 1",
        &["UPDATE t SET b = 1 WHERE a = 1"],
    );
    for sql in [
        "UPDATE t SET a = 1 WHERE b = 1",
        "DELETE FROM t WHERE a = 1",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO u VALUES (1)",
        "SELECT a FROM t",
        "ALTER TABLE t DISABLE TRIGGER x; UPDATE t SET b = 1 WHERE a = 1",
    ] {
        check(rule, given, sql, &[]);
    }
}
