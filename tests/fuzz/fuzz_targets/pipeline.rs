//! Parses a text, lints it, plans it and shows what was found, on what its first half made.
//!
//! `cargo fuzz run --fuzz-dir tests/fuzz pipeline tests/oracle/corpus` from the top of the
//! repository; needs a nightly toolchain and `cargo install cargo-fuzz`. A panic is a defect.

#![no_main]

use libfuzzer_sys::fuzz_target;
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

fuzz_target!(|text: &str| {
    let mut middle = text.len() / 2;
    while !text.is_char_boundary(middle) {
        middle -= 1;
    }
    let (first, second) = text.split_at(middle);
    let schema = parse(SourceFile::new("0001_first.sql", first));
    let mut catalog = Catalog::empty(PgVersion::V18);
    for statement in &schema.statements {
        apply(&mut catalog, statement, first);
    }
    let source = SourceFile::new("0002_second.sql", second);
    let script = parse(source.clone());
    let linted = lint(&script, &catalog, &Settings::default());
    let shown: Vec<Shown<'_>> = linted
        .findings
        .iter()
        .map(|finding| Shown {
            source: &source,
            diagnostic: &finding.diagnostic,
            statement: finding.statement.map(|at| script.statements[at].span),
            effects: finding.effects.as_ref(),
        })
        .collect();
    let findings = Findings {
        shown: &shown,
        files: &[source.name()],
        rules: &[],
        database: None,
        fail_on: None,
        plans: &[],
    };
    for format in Format::ALL {
        render(format, &findings);
    }
    plan(&PlanInput {
        migration: &MigrationName {
            id: "0002".into(),
            name: "second".into(),
        },
        checksum: &checksum(&script),
        script: &script,
        catalog: &catalog,
        settings: &PlanSettings {
            tighten: Tighten::Migrate,
            late_expand: LateExpandPolicy::Accept,
            sizes: Sizes::Known,
            journal_schema: Ident::exact("zdm"),
            secret: "secret".into(),
            database: None,
        },
    });
});
