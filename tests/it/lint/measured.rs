//! The list of measured statements that lies beside the project: each is a migration of its own
//! behind a fitting schema file, and what lint says is what was measured.
//!
//! What reads or writes an existing table anew under a lock that stops its writes is an error that
//! names that lock and that table; nothing else is called blocking.

use zdm::{
    catalog::{Catalog, PgVersion, TableKind},
    diagnostic::Level,
    effects::LockMode,
    lint::{Explains, Finding, Settings, lint, rules},
    parse::parse,
    source::SourceFile,
};

use crate::support::measured::{Row, TABLES, assert_agreement, setup};

/// Rows that the server decides by what is in the rows of a table, in the body of a function or in
/// a proof of its own: zdm says the worst case.
const AT_MOST: &[&str] = &[
    // Of a domain's default, replay may only know that there is one.
    "addcol-domain-default",
    "addcol-userfn-volatile",
    "set-tablespace-same",
    "attach-check-nullable-nn",
    "attach-default-check",
    "attach-parent-indexed-matching",
];

/// A row that fails by what an earlier statement of its transaction did.
const UNFORESEEN: &[&str] = &["enum-add-use"];

fn linted(row: &Row, version: PgVersion) -> (Catalog, Vec<Finding>) {
    let settings = Settings::default();
    let mut catalog = Catalog::empty(version);
    for sql in std::iter::once(TABLES).chain(setup(&row.id)) {
        let script = parse(SourceFile::new("schema.sql", sql));
        catalog = lint(&script, &catalog, &settings).after;
    }
    let script = parse(SourceFile::new("row.sql", row.sql.as_str()));
    let found = lint(&script, &catalog, &settings).findings;
    (catalog, found)
}

/// Whether the finding says that clients wait for work on a table.
fn says_blocking(finding: &Finding) -> bool {
    let rule = finding.diagnostic.rule.as_str();
    finding.diagnostic.level == Level::Error
        && (rule == "blocking-statement"
            || rules::find(rule).is_some_and(|rule| rule.explains == Explains::Work))
}

fn differences(row: &Row, version: PgVersion) -> Vec<String> {
    let (catalog, findings) = linted(row, version);
    let errors = || {
        findings
            .iter()
            .filter(|f| f.diagnostic.level == Level::Error)
    };
    if row.fails {
        let missed = errors().next().is_none() && !UNFORESEEN.contains(&row.id.as_str());
        return missed
            .then(|| "the server refuses it, and lint has no error".to_owned())
            .into_iter()
            .collect();
    }
    let said: Vec<&str> = findings
        .iter()
        .filter(|finding| says_blocking(finding))
        .map(|finding| finding.diagnostic.message.as_str())
        .collect();
    let table = |name: &str| {
        let mut tables = catalog.tables.values();
        tables.find(|table| table.name.name.as_str() == name)
    };
    // TRUNCATE writes nothing: its new files are empty.
    let rewrites = row
        .rewrites
        .iter()
        .filter(|_| !row.id.starts_with("truncate"));
    let blocked: Vec<(&String, LockMode)> = row
        .scans
        .iter()
        .chain(rewrites)
        .filter_map(|name| {
            let mode = *row.locks.get(name)?;
            let view = table(name)?.kind == TableKind::MaterializedView;
            let stops = if view {
                mode.blocks_reads() || mode == LockMode::Share
            } else {
                mode.blocks_writes()
            };
            stops.then_some((name, mode))
        })
        .collect();
    let mut found = Vec::new();
    for (name, mode) in &blocked {
        let named = said
            .iter()
            .any(|said| said.contains(mode.as_sql()) && says_name(said, name));
        if !named {
            found.push(format!(
                "{name} is blocked by {mode}, and lint says {said:?}"
            ));
        }
    }
    if blocked.is_empty() && !said.is_empty() && !AT_MOST.contains(&row.id.as_str()) {
        found.push(format!("nobody waits, and lint says {said:?}"));
    }
    found
}

/// Whether the name stands in the message as a word.
fn says_name(message: &str, name: &str) -> bool {
    message
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == name)
}

#[test]
fn measured_statements_are_judged_as_measured() {
    assert_agreement(differences);
}
