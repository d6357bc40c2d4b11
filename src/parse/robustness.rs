//! Whatever the text, reading it never panics, and every place it names fits the text.

use proptest::prelude::*;

use super::{Script, StatementKind, checksum, expr_from_text, layout, parse, types};
use crate::source::{SourceFile, Span};

/// Statements with something of everything; mutations start from these.
const SEEDS: &[&str] = &[
    "ALTER TABLE ONLY s.\"T\" ADD COLUMN é varchar(10)[] DEFAULT 'x'::text NOT NULL, DROP b;",
    "CREATE TABLE t (a int DEFAULT CASE WHEN 1 > 0 THEN 1 END CHECK (a > 0), UNIQUE (a));",
    "CREATE UNIQUE INDEX i ON t (lower(name) COLLATE \"C\" desc) INCLUDE (a) WHERE b IS NULL;",
    "UPDATE t x SET a = extract(year from d), (b, c) = (1, 2) FROM u WHERE a = ANY (ARRAY[1]);",
    "-- zdm: up(a) lower(b) ||\r\n-- zdm+ ' é '\r\nDROP TABLE IF EXISTS a, b CASCADE; -- zdm: allow(x) because y\n",
    "COPY t FROM stdin;\n1\t2\n\\.\nSELECT $$;$$, E'\\'', U&\"\\0061\" UESCAPE '!';",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE 1 WHEN 1 THEN 2 END; END;",
    "DO $x$ BEGIN PERFORM 1; END $x$; /* a /* b */ c */ SET LOCAL a.b = 'c'; \\echo x\n",
    "WITH q AS (SELECT * FROM t) INSERT INTO u SELECT * FROM q JOIN v USING (id);",
    "ALTER SEQUENCE s OWNED BY NONE; GRANT ALL ON t TO r; VACUUM (FULL) t; ROLLBACK TO a;",
    "CREATE OR REPLACE VIEW v (a) WITH (x = 1) AS SELECT 1 FROM t WITH LOCAL CHECK OPTION;",
    "CREATE CONSTRAINT TRIGGER g AFTER INSERT OR UPDATE OF a ON t DEFERRABLE FOR EACH ROW WHEN (a > 0) EXECUTE FUNCTION f('x');",
    "CREATE FUNCTION f(a int DEFAULT 1, OUT b s.ty[], VARIADIC c text[]) RETURNS TABLE (d int) LANGUAGE plpgsql STABLE SET x = 1 AS $f$ BEGIN EXECUTE 'x'; END $f$;",
    "ALTER TYPE m ADD VALUE IF NOT EXISTS 'a' BEFORE 'b'; CREATE TYPE c AS (a int, b text); ALTER DOMAIN d ADD CHECK (value > 0) NOT VALID;",
    "COMMENT ON CONSTRAINT c ON DOMAIN s.d IS E'a\\'b'; REVOKE GRANT OPTION FOR SELECT (a, b) ON TABLE t FROM PUBLIC CASCADE;",
    "ALTER PUBLICATION p SET TABLE a (x) WHERE (x > 1), TABLES IN SCHEMA s; CREATE STATISTICS x (mcv) ON a, (b + c) FROM t;",
    "CREATE SCHEMA s AUTHORIZATION r CREATE TABLE t (a int) GRANT SELECT ON t TO r WITH GRANT OPTION;",
    "CREATE RULE r AS ON UPDATE TO t WHERE a DO INSTEAD (DELETE FROM u; NOTIFY x); LOCK ONLY a IN SHARE MODE NOWAIT;",
    "CREATE TABLE t (LIKE u INCLUDING ALL, EXCLUDE USING gist (r WITH &&) WHERE (a)) PARTITION BY LIST (a); SELECT 1 INTO TEMP x FROM t;",
];

/// Words and signs of every grammar, to be put together without sense.
const SOUP: &[&str] = &[
    "ADD",
    "AGGREGATE",
    "ALL",
    "ALTER",
    "ANALYZE",
    "AS",
    "ATTRIBUTE",
    "BEFORE",
    "BEGIN",
    "BY",
    "CASCADE",
    "CHECK",
    "CLUSTER",
    "COLUMN",
    "COMMENT",
    "CONCURRENTLY",
    "CONSTRAINT",
    "CREATE",
    "DEFAULT",
    "DEFERRABLE",
    "DO",
    "DOMAIN",
    "DROP",
    "EACH",
    "ENUM",
    "EXCLUDE",
    "EXECUTE",
    "EXISTS",
    "EXTENSION",
    "FOR",
    "FROM",
    "FULL",
    "FUNCTION",
    "GENERATED",
    "GRANT",
    "IDENTITY",
    "IF",
    "IN",
    "INDEX",
    "INSERT",
    "INSTEAD",
    "INTO",
    "IS",
    "KEY",
    "LANGUAGE",
    "LIKE",
    "LOCK",
    "MATERIALIZED",
    "NOT",
    "NULL",
    "OF",
    "ON",
    "ONLY",
    "OPTION",
    "OR",
    "OWNED",
    "OWNER",
    "PARTITION",
    "POLICY",
    "PRIMARY",
    "PRIVILEGES",
    "PUBLICATION",
    "REFERENCES",
    "REINDEX",
    "RENAME",
    "REPLACE",
    "RETURN",
    "RETURNS",
    "REVOKE",
    "ROW",
    "RULE",
    "SCHEMA",
    "SELECT",
    "SEQUENCE",
    "SET",
    "STATISTICS",
    "TABLE",
    "TO",
    "TRIGGER",
    "TYPE",
    "UNIQUE",
    "UPDATE",
    "USING",
    "VACUUM",
    "VALUE",
    "VALUES",
    "VIEW",
    "WHEN",
    "WHERE",
    "WITH",
    "WITHOUT",
    "a",
    "b",
    "\"C\"",
    "s.t",
    "'x'",
    "E'\\''",
    "$$ DROP TABLE t $$",
    "1",
    "-",
    "=",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "*",
    "::",
    ";",
    "%",
    "é",
];

fn fits(span: Span, text: &str) {
    assert!(!span.is_empty() && span.end <= text.len());
    assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
}

fn sound(script: &Script) {
    let text = script.source.text();
    let mut end = 0;
    for statement in &script.statements {
        fits(statement.span, text);
        assert!(statement.span.start >= end);
        end = statement.span.end;
        if let StatementKind::AlterRelation(alter) = &statement.kind {
            assert!(!alter.actions.is_empty());
            for action in &alter.actions {
                fits(action.span, text);
                assert!(action.span.start >= statement.span.start && action.span.end <= end);
            }
        }
        for directive in &statement.directives {
            fits(directive.span, text);
        }
    }
    for diagnostic in &script.diagnostics {
        fits(diagnostic.span, text);
    }
    assert!(checksum(script).starts_with("sha256:"));
}

fn read(text: &str) {
    sound(&parse(SourceFile::new("any", text)));
    let expr = expr_from_text(text);
    for column in &expr.columns {
        fits(column.span, &expr.text);
    }
    assert!(expr.columns.is_sorted_by(|a, b| a.span.end <= b.span.start));
    assert_eq!(expr.rewrite(|_| None), text);
    if let Some(ty) = types::type_from_text(text) {
        assert!(!types::format_type(&ty).is_empty());
    }
}

/// A seed with pieces cut out, doubled, replaced and put in.
fn mutated() -> impl Strategy<Value = String> {
    let edit = (
        any::<prop::sample::Index>(),
        0usize..12,
        prop::sample::select(vec![
            "",
            "'",
            "\"",
            "(",
            ")",
            "$$",
            "$x$",
            ";",
            "--",
            "/*",
            "*/",
            "\\",
            "\n",
            ",",
            ".",
            "::",
            "[",
            "]",
            "é",
            "CASE ",
            " NOT ",
            "\0",
            "\u{2028}",
            "E'",
            "U&\"",
            " END ",
            "{",
            "-- zdm: up ",
            "1.",
            "FROM ",
            "\r",
        ]),
    );
    (
        prop::sample::select(SEEDS.to_vec()),
        prop::collection::vec(edit, 0..6),
    )
        .prop_map(|(seed, edits)| {
            let mut text: Vec<char> = seed.chars().collect();
            for (place, cut, put) in edits {
                let at = place.index(text.len() + 1);
                let end = (at + cut).min(text.len());
                text.splice(at..end, put.chars());
            }
            text.into_iter().collect()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn any_sql_like_text_is_read(text in "([a-zA-Z0-9_'\"$;:,.()\\[\\]*/+=<>|&\\\\ \\n-]|é|select|alter table|-- zdm:){0,60}") {
        read(&text);
    }

    #[test]
    fn damaged_sql_is_read(text in mutated()) {
        read(&text);
    }

    #[test]
    fn any_words_in_any_order_are_read(words in prop::collection::vec(prop::sample::select(SOUP.to_vec()), 0..24)) {
        read(&words.join(" "));
    }

    #[test]
    fn seeds_in_any_order_keep_their_statements(order in Just(SEEDS.to_vec()).prop_shuffle()) {
        let text = order.join("\n");
        let script = parse(SourceFile::new("any", text.as_str()));
        sound(&script);
        let alone: usize = order
            .iter()
            .map(|seed| parse(SourceFile::new("any", *seed)).statements.len())
            .sum();
        prop_assert_eq!(script.statements.len(), alone);
    }

    #[test]
    fn versions_are_in_a_total_order(a in "[0-9a-c.é]{0,6}", b in "[0-9a-c.é]{0,6}", c in "[0-9a-c.é]{0,6}") {
        use std::cmp::Ordering;
        use layout::version_order as order;
        prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
        prop_assert_eq!(order(&a, &b) == Ordering::Equal, a == b);
        if order(&a, &b).is_lt() && order(&b, &c).is_lt() {
            prop_assert!(order(&a, &c).is_lt());
        }
    }
}

#[test]
fn statements_that_end_anywhere_are_read() {
    for seed in SEEDS {
        for (at, _) in seed.char_indices() {
            read(&seed[..at]);
        }
    }
}

#[test]
fn ten_thousand_parentheses_are_read() {
    let (open, close) = ("(".repeat(10_000), ")".repeat(10_000));
    for (before, after) in [
        ("ALTER TABLE t ADD CHECK ", ""),
        ("ALTER TABLE t ALTER a SET DEFAULT ", ""),
        ("CREATE INDEX i ON t ", ""),
        ("CREATE VIEW v AS SELECT ", " FROM t"),
        ("CREATE TABLE t AS ", ""),
        ("CREATE POLICY p ON t USING ", ""),
        (
            "CREATE TRIGGER g BEFORE INSERT ON t WHEN ",
            " EXECUTE FUNCTION f()",
        ),
        ("CREATE FUNCTION f(a int DEFAULT ", ") RETURNS int RETURN 1"),
        ("CREATE TYPE c AS ", ""),
        ("CREATE DOMAIN d AS int DEFAULT ", ""),
        ("INSERT INTO t VALUES ", ""),
        ("SELECT ", ""),
        ("VACUUM ", ""),
    ] {
        read(&format!("{before}{open}1{close}{after}"));
        read(&format!("{before}{open}"));
    }
}

#[test]
fn deep_texts_are_read() {
    for deep in ["(", "[", "CASE WHEN ", "((SELECT ", "(;", "a.", "NOT "] {
        read(&format!("UPDATE t SET a = {}", deep.repeat(2_000)));
    }
    read(&format!(
        "ALTER TABLE t ADD CHECK ({}1{})",
        "(".repeat(35),
        ")".repeat(35)
    ));
}
