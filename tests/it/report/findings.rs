//! Every format of findings, over the same findings.

use serde_json::Value;
use zdm::{
    diagnostic::{Diagnostic, Level},
    effects::{Effects, LockMode},
    report::{
        Shown,
        findings::{Findings, Format, PlanText, RuleDoc, render},
    },
    source::{SourceFile, Span},
};

use super::{
    sample,
    schema::{assert_valid, sarif, validate},
};

/// Three files: one with findings of every level and what is hard to write in any format, one
/// whose name is hard, and one without findings.
struct Fixture {
    files: [SourceFile; 3],
    diagnostics: Vec<(usize, Diagnostic)>,
    effects: Effects,
}

fn fixture() -> Fixture {
    let first = SourceFile::new(
        "migrations/0002_index.sql",
        "-- é\nCREATE INDEX i ON users (email);\n\
         ALTER TABLE users\n  ADD COLUMN \"a,b\" text[] DEFAULT '{<&}'::text[](1);\nSELECT 1;\n",
    );
    let second = SourceFile::new("odd name: 50%,é.sql", "DROP TABLE x\u{1};");
    let third = SourceFile::new("migrations/0003_none.sql", "SELECT 2;\n");
    let of = |source: &SourceFile, text: &str| {
        let at = source.text().find(text).unwrap();
        Span::new(at, at + text.len())
    };
    let index = of(&first, "CREATE INDEX i ON users (email)");
    let column = of(
        &first,
        "ALTER TABLE users\n  ADD COLUMN \"a,b\" text[] DEFAULT '{<&}'::text[](1)",
    );
    let diagnostics = vec![
        (
            0,
            Diagnostic::new(
                "index-not-concurrent",
                Level::Error,
                index,
                "Writes of users wait (about 1,000,000 rows, 50% of them: more).",
            )
            .with_help("Write `CREATE INDEX CONCURRENTLY`.\nIt takes longer, and nobody waits.")
            .with_label(of(&first, "users (email)"), "this table"),
        ),
        (
            0,
            Diagnostic::new(
                "a-second-rule",
                Level::Warning,
                column,
                "The default of \"a,b\" is '{<&}' [sic](1) and `code`, *not* a_b_c.",
            ),
        ),
        (
            0,
            Diagnostic::new(
                "advice",
                Level::Info,
                of(&first, "SELECT 1"),
                "Only advice.",
            ),
        ),
        (
            1,
            Diagnostic::new(
                "a-second-rule",
                Level::Error,
                Span::new(0, 13),
                "It is dropped.",
            ),
        ),
    ];
    let mut effects = Effects::default();
    effects.add_lock(sample::users(), LockMode::Share);
    Fixture {
        files: [first, second, third],
        diagnostics,
        effects,
    }
}

fn rendered(format: Format) -> String {
    let fixture = fixture();
    let shown: Vec<Shown<'_>> = fixture
        .diagnostics
        .iter()
        .map(|(file, diagnostic)| Shown {
            source: &fixture.files[*file],
            diagnostic,
            statement: Some(diagnostic.span),
            effects: Some(&fixture.effects),
        })
        .collect();
    let files: Vec<&str> = fixture.files.iter().map(SourceFile::name).collect();
    let findings = Findings {
        shown: &shown,
        files: &files,
        rules: &[RuleDoc {
            name: "index-not-concurrent",
            level: Level::Error,
            summary: "An index is built while writes wait.".into(),
            text: "# index-not-concurrent\n\n## What it finds\n\nAn index.\n",
        }],
        database: Some("app"),
        fail_on: Some(Level::Warning),
        plans: &[PlanText {
            title: "0002 <index>".into(),
            text: "## `0002 index`\n\nThe plan.\n".into(),
        }],
    };
    anstream::adapter::strip_str(&render(format, &findings)).to_string()
}

#[test]
fn every_format_shows_the_same_findings() {
    for format in Format::ALL {
        insta::assert_snapshot!(format.as_str(), rendered(format));
    }
}

#[test]
fn json_is_as_its_schema_says() {
    let found: Value = serde_json::from_str(&rendered(Format::Json)).unwrap();
    assert_valid("lint", &found);
}

#[test]
fn sarif_is_as_the_schema_of_oasis_says() {
    let log: Value = serde_json::from_str(&rendered(Format::Sarif)).unwrap();
    let schema = sarif();
    assert_eq!(validate(&schema, &log), Vec::<String>::new());
    let results = log["runs"][0]["results"].as_array().unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    assert_eq!((results.len(), rules.len()), (4, 3));
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let mut wrong = log.clone();
    wrong["runs"][0]["results"][0]["level"] = "fatal".into();
    assert_eq!(
        validate(&schema, &wrong).len(),
        1,
        "the schema is looked at"
    );
    wrong["runs"][0]["results"][0]["lines"] = 1.into();
    assert_eq!(validate(&schema, &wrong).len(), 2, "at every depth");
}

#[test]
fn annotations_are_one_line_each() {
    let text = rendered(Format::Github);
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
}

#[test]
fn code_quality_fingerprints_differ() {
    let issues: Value = serde_json::from_str(&rendered(Format::Gitlab)).unwrap();
    let mut prints: Vec<&str> = issues
        .as_array()
        .unwrap()
        .iter()
        .map(|issue| issue["fingerprint"].as_str().unwrap())
        .collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), 4);
}

/// Elements are closed in the order in which they were opened, and nothing else stands between.
#[test]
fn junit_is_well_formed_and_counts_what_fails() {
    let text = rendered(Format::Junit);
    let mut open: Vec<&str> = Vec::new();
    let body = text.split_once("?>\n").unwrap().1;
    for piece in body.split('<').skip(1) {
        let (tag, between) = piece.split_once('>').expect("a tag that ends");
        assert!(!between.contains('&') || between.contains(';'), "{between}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{text}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert_eq!(open, Vec::<&str>::new());
    assert!(text.chars().all(|c| c >= ' ' || c == '\n'), "{text}");
    assert!(text.contains("tests=\"5\" failures=\"3\""), "{text}");
    assert_eq!(text.matches("<failure").count(), 3);
    assert_eq!(text.matches("<testcase").count(), 5);
}

/// The comment is Markdown: its list, its code and its folded plan survive a parser.
#[test]
fn a_comment_is_read_as_it_is_meant() {
    use pulldown_cmark::{Event, Parser, Tag};
    let text = rendered(Format::Markdown);
    let events: Vec<Event<'_>> = Parser::new(&text).collect();
    let items = events
        .iter()
        .filter(|event| matches!(event, Event::Start(Tag::Item)))
        .count();
    assert_eq!(items, 4, "{text}");
    let blocks = events
        .iter()
        .filter(|event| matches!(event, Event::Start(Tag::CodeBlock(_))))
        .count();
    assert_eq!(blocks, 4, "{text}");
    let emphasis = events
        .iter()
        .any(|event| matches!(event, Event::Start(Tag::Emphasis | Tag::Link { .. })));
    assert!(!emphasis, "{text}");
    assert!(
        text.contains("<summary>Plan of 0002 &lt;index&gt;</summary>"),
        "{text}"
    );
}
