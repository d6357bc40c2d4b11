//! Whatever the text, parsing, linting and planning it never panic, and what is found has its
//! place in the text.

use std::sync::LazyLock;

use proptest::prelude::*;
use zdm::{
    catalog::{Catalog, PgVersion, apply::apply},
    ident::Ident,
    lint::{Settings, lint},
    parse::{checksum, parse},
    plan::{LateExpandPolicy, MigrationName, PlanInput, PlanSettings, Sizes, Tighten, plan},
    report::{
        Shown,
        findings::{Findings, Format, render},
    },
    source::SourceFile,
};

/// What exists: tables, partitions, views, triggers and types of the tests on effects.
static BEFORE: LazyLock<Catalog> = LazyLock::new(|| {
    let text = include_str!("../live/effects/fixture.sql");
    let script = parse(SourceFile::new("schema.sql", text));
    let mut catalog = Catalog::empty(PgVersion::V18);
    for statement in &script.statements {
        apply(&mut catalog, statement, text);
    }
    catalog
});

/// Every statement of the corpus that the parser is compared on.
static STATEMENTS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    [
        include_str!("../../oracle/corpus/alter_table.sql"),
        include_str!("../../oracle/corpus/alter_others.sql"),
        include_str!("../../oracle/corpus/create.sql"),
        include_str!("../../oracle/corpus/others.sql"),
        include_str!("../live/effects/fixture.sql"),
    ]
    .into_iter()
    .flat_map(str::lines)
    .filter(|line| !line.trim().is_empty() && !line.starts_with("--"))
    .collect()
});

/// Everything that is done with a file before a database sees it.
fn all_the_way(text: &str) {
    let source = SourceFile::new("migrations/0002_any.sql", text);
    let script = parse(source.clone());
    let linted = lint(&script, &BEFORE, &Settings::default());
    let shown: Vec<Shown<'_>> = linted
        .findings
        .iter()
        .map(|finding| {
            let span = finding.diagnostic.span;
            assert!(
                span.start <= span.end && span.end <= text.len(),
                "{span:?} in {text:?}"
            );
            assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
            Shown {
                source: &source,
                diagnostic: &finding.diagnostic,
                statement: finding.statement.map(|at| script.statements[at].span),
                effects: finding.effects.as_ref(),
            }
        })
        .collect();
    for format in Format::ALL {
        render(
            format,
            &Findings {
                shown: &shown,
                files: &[source.name()],
                rules: &[],
                database: None,
                fail_on: None,
                plans: &[],
            },
        );
    }
    plan(&PlanInput {
        migration: &MigrationName {
            id: "0002".into(),
            name: "any".into(),
        },
        checksum: &checksum(&script),
        script: &script,
        catalog: &BEFORE,
        settings: &PlanSettings {
            tighten: Tighten::Migrate,
            late_expand: LateExpandPolicy::Accept,
            sizes: Sizes::Known,
            journal_schema: Ident::exact("zdm"),
            secret: "secret".into(),
            database: None,
        },
    });
}

/// A few statements of the corpus, with parts cut out, doubled or put elsewhere.
fn mutated() -> impl Strategy<Value = String> {
    let statement = prop::sample::select(STATEMENTS.clone());
    let edit = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..4_u8,
    );
    (
        prop::collection::vec(statement, 1..4),
        prop::collection::vec(edit, 0..4),
    )
        .prop_map(|(statements, edits)| {
            let text = statements.join("\n");
            let mut words: Vec<&str> = text.split_inclusive([' ', '(', ')', ',', ';']).collect();
            for (one, other, how) in edits {
                if words.is_empty() {
                    break;
                }
                let (one, other) = (one.index(words.len()), other.index(words.len()));
                match how {
                    0 => drop(words.remove(one)),
                    1 => words.insert(one, words[other]),
                    2 => words.swap(one, other),
                    _ => words.truncate(one + 1),
                }
            }
            words.concat()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_statements_are_linted_and_planned(text in mutated()) {
        all_the_way(&text);
    }

    #[test]
    fn any_text_is_linted_and_planned(text in any::<String>()) {
        all_the_way(&text);
    }
}

#[test]
fn every_statement_of_the_corpus_is_linted_and_planned() {
    for statement in STATEMENTS.iter() {
        all_the_way(statement);
    }
}
