//! Real histories: everything in them is understood, and nothing that has run in production for
//! years is called refused.
//!
//! `UPDATE_REFERENCE=1` writes what is found into `docs/accuracy.md`.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use zdm::{
    catalog::{Catalog, PgVersion},
    diagnostic::Level,
    lint::{Settings, lint},
};

use crate::support::histories::{NAMES, history};

/// What is found in one history.
#[derive(Default)]
struct Found {
    files: usize,
    statements: usize,
    rules: BTreeMap<String, usize>,
    levels: BTreeMap<Level, usize>,
}

#[test]
fn real_histories_are_understood() {
    let mut all: Vec<(&str, Found)> = Vec::new();
    let mut wrong = Vec::new();
    for name in NAMES {
        let Some(history) = history(name) else { return };
        let mut found = Found::default();
        let mut catalog = Catalog::empty(PgVersion::V18);
        for step in &history.steps {
            let script = &step.file.script;
            let linted = lint(script, &catalog, &Settings::default());
            found.files += 1;
            found.statements += script.statements.len();
            for finding in &linted.findings {
                let said = &finding.diagnostic;
                let not_understood = finding.statement.is_none() && said.level == Level::Error;
                if not_understood || said.rule == "refused-statement" {
                    let at = script.source.position(said.span.start).line;
                    let place = format!("{name} {}:{at}", script.source.name());
                    wrong.push(format!("{place}: {}: {}", said.rule, said.message));
                }
                *found.rules.entry(said.rule.to_string()).or_default() += 1;
                *found.levels.entry(said.level).or_default() += 1;
            }
            catalog = linted.after;
        }
        all.push((name, found));
    }
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy.md");
        let there = std::fs::read_to_string(&page).unwrap();
        let (before, _) = there.split_once(MARK).expect("the page has a mark");
        std::fs::write(&page, format!("{before}{MARK}\n\n{}", table(&all))).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the table stands behind.
const MARK: &str = "<!-- Written by `UPDATE_REFERENCE=1 cargo test --test it lint::histories`. -->";

fn table(all: &[(&str, Found)]) -> String {
    let mut out = String::from("| history | files | statements | errors | warnings | infos |\n");
    out.push_str("| --- | ---: | ---: | ---: | ---: | ---: |\n");
    for (name, found) in all {
        let at = |level| found.levels.get(&level).copied().unwrap_or(0);
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} | {} |",
            found.files,
            found.statements,
            at(Level::Error),
            at(Level::Warning),
            at(Level::Info)
        );
    }
    let mut rules: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, (_, found)) in all.iter().enumerate() {
        for (rule, count) in &found.rules {
            rules.entry(rule).or_insert_with(|| vec![0; all.len()])[at] += count;
        }
    }
    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
    let _ = write!(out, "\n| rule | {} |\n| --- |", names.join(" | "));
    out.push_str(&" ---: |".repeat(all.len()));
    out.push('\n');
    for (rule, counts) in rules {
        let counts: Vec<String> = counts.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "| {rule} | {} |", counts.join(" | "));
    }
    out
}
