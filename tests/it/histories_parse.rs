//! Every statement of real migration histories, and of the list of measured locks, is read
//! without an error, and none that is taken apart elsewhere stays opaque.
//!
//! The texts lie beside the project and are not part of it: where they are absent, one line says
//! so and nothing is claimed.

use std::path::{Path, PathBuf};

use zdm::{
    diagnostic::Level,
    parse::{Script, StatementKind, parse},
    source::SourceFile,
};

fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    println!("{} is absent: nothing to read", path.display());
    None
}

fn sql_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            sql_files(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            out.push(path);
        }
    }
}

/// What is wrong with a script: errors, spans that do not fit, statements that should not be
/// opaque.
fn faults(script: &Script) -> Vec<String> {
    let text = script.source.text();
    let mut out = Vec::new();
    for diagnostic in &script.diagnostics {
        if diagnostic.level == Level::Error {
            let at = script.source.position(diagnostic.span.start);
            out.push(format!(
                "{}:{}:{}: {}",
                script.source.name(),
                at.line,
                at.column,
                diagnostic.message
            ));
        }
    }
    let mut end = 0;
    for statement in &script.statements {
        let sql = statement.span.of(text);
        if sql.is_empty() || statement.span.start < end {
            out.push(format!("{}: a span does not fit", script.source.name()));
        }
        end = statement.span.end;
        let words = sql
            .split_whitespace()
            .take(4)
            .collect::<Vec<_>>()
            .join(" ")
            .to_uppercase();
        let taken_apart = [
            "ALTER TABLE",
            "ALTER INDEX",
            "ALTER SEQUENCE",
            "ALTER VIEW",
            "CREATE TABLE",
            "CREATE TEMP",
            "CREATE UNLOGGED",
            "CREATE INDEX",
            "CREATE UNIQUE INDEX",
            "DROP ",
            "UPDATE ",
            "INSERT ",
            "DELETE ",
        ]
        .iter()
        .any(|start| words.starts_with(start));
        if taken_apart
            && let StatementKind::Opaque(opaque) = &statement.kind
            && !opaque.keywords.ends_with("VIEW")
        {
            out.push(format!("{}: opaque: {words}", script.source.name()));
        }
    }
    out
}

#[test]
fn real_histories_are_read_without_an_error() {
    let Some(folder) = shared("histories") else {
        return;
    };
    let mut files = Vec::new();
    sql_files(&folder, &mut files);
    assert!(files.len() > 300, "{} files", files.len());
    let mut found = Vec::new();
    let mut statements = 0;
    for file in &files {
        let text = std::fs::read_to_string(file).expect("a readable file");
        let script = parse(SourceFile::new(file.display().to_string(), text));
        statements += script.statements.len();
        found.extend(faults(&script));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    println!("{} files, {statements} statements", files.len());
    assert!(statements > 1000);
}

#[test]
fn every_measured_statement_is_read_without_an_error() {
    let Some(file) = shared("facts/locks.md") else {
        return;
    };
    let text = std::fs::read_to_string(file).expect("a readable file");
    let mut statements = 0;
    let mut found = Vec::new();
    for line in text.lines() {
        let mut cells = line.split(" | ");
        let (Some(name), Some(sql)) = (cells.next(), cells.next()) else {
            continue;
        };
        let Some(sql) = sql.strip_prefix('`').and_then(|sql| sql.strip_suffix('`')) else {
            continue;
        };
        let script = parse(SourceFile::new(name, sql));
        assert!(!script.statements.is_empty(), "{name}");
        statements += script.statements.len();
        found.extend(faults(&script));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(statements > 150, "{statements}");
}

#[test]
fn a_long_line_takes_no_long_time() {
    let rows = vec!["(1, 'a', now())"; 50_000].join(", ");
    let sql = format!("INSERT INTO t VALUES {rows};");
    let started = std::time::Instant::now();
    let script = parse(SourceFile::new("rows.sql", sql));
    assert_eq!(script.statements.len(), 1);
    // Linear work is a second at most; one look at the rest of the line per token is an hour.
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
