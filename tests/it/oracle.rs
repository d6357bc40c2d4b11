//! zdm's parser agrees with PostgreSQL's own on every statement of the corpus, of real histories
//! and of the list of measured locks: kind, objects, subcommands, columns, flags, and where a
//! statement starts and ends.
//!
//! The golden lines are written by the package `tests/oracle` (`make oracle`), which holds
//! libpg_query; both sides compute the same normal form ([`form::Form`]) from their own trees.
//! The texts of histories and locks lie beside the project: where they are absent, one line says
//! so, and the corpus is compared all the same.

mod alter;
mod data;
mod form;
mod names;
mod routine;
mod table;
mod user_type;
mod utility;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use form::{Form, Line};
use zdm::{
    diagnostic::Level,
    parse::{StatementKind, parse, statement::Statement},
    source::SourceFile,
};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The golden lines of a file, by the file they are of.
fn golden(name: &str) -> BTreeMap<String, Vec<Line>> {
    let path = project().join("tests/oracle/golden").join(name);
    let text = fs::read_to_string(&path).expect("a golden file: run `make oracle`");
    let mut files: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    for line in text.lines() {
        let line: Line = serde_json::from_str(line).expect("a golden line");
        files.entry(line.file.clone()).or_default().push(line);
    }
    files
}

fn statement(statement: &Statement) -> Form {
    match &statement.kind {
        StatementKind::AlterRelation(alter) => alter::relation(alter),
        StatementKind::CreateTable(create) => table::create(create),
        StatementKind::CreateIndex(create) => table::index(create),
        StatementKind::Drop(drop) => data::drop(drop),
        StatementKind::Update(update) => data::update(update),
        StatementKind::Data(data) => data::data(data),
        StatementKind::Transaction(transaction) => data::transaction(*transaction),
        StatementKind::Set(set) => data::setting(set),
        StatementKind::Opaque(opaque) => opaque
            .utility
            .as_deref()
            .map_or_else(|| Form::new("other", []), utility::form),
    }
}

/// What differs between the golden lines of a text and what zdm makes of it.
fn differences(name: &str, text: &str, lines: &[Line]) -> Vec<String> {
    let script = parse(SourceFile::new(name, text));
    let mut out: Vec<String> = script
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.level == Level::Error)
        .map(|diagnostic| {
            let at = script.source.position(diagnostic.span.start);
            format!("{name}:{}:{}: {}", at.line, at.column, diagnostic.message)
        })
        .collect();
    if script.statements.len() != lines.len() {
        out.push(format!(
            "{name}: {} statements, PostgreSQL reads {}",
            script.statements.len(),
            lines.len()
        ));
        return out;
    }
    for (line, read) in lines.iter().zip(&script.statements) {
        let place = &text[line.start..line.end];
        if (read.span.start, read.span.end) != (line.start, line.end) {
            let span = read.span.of(text);
            out.push(format!("{name}: the span of `{span}` should be `{place}`"));
        }
        out.extend(difference(read, line).map(|what| format!("{name}: {place}\n{what}")));
    }
    out
}

fn difference(read: &Statement, line: &Line) -> Option<String> {
    let mut ours = statement(read);
    let theirs = &line.form;
    // More relations than PostgreSQL finds are harmless, fewer are not.
    if theirs.reads.is_subset(&ours.reads) {
        ours.reads.clone_from(&theirs.reads);
    }
    let json = |form: &Form| serde_json::to_string(form).expect("JSON");
    (ours != *theirs).then(|| {
        format!(
            "    PostgreSQL: {}\n    zdm:        {}",
            json(theirs),
            json(&ours)
        )
    })
}

/// Compares every file, and prints how many statements there are of each kind.
fn compare(name: &str, text_of: impl Fn(&str) -> String, at_least: usize) {
    let mut found = Vec::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (file, lines) in &golden(name) {
        for line in lines {
            *kinds.entry(line.form.kind.clone()).or_default() += 1;
        }
        found.extend(differences(file, &text_of(file), lines));
    }
    let all: usize = kinds.values().sum();
    println!("{name}: {all} statements");
    for (kind, count) in kinds {
        println!("  {count:5} {kind}");
    }
    let share = found.len();
    assert!(
        found.is_empty(),
        "{share} differences:\n{}",
        found.join("\n")
    );
    assert!(all >= at_least, "{all}");
}

#[test]
fn the_corpus_is_read_as_postgresql_reads_it() {
    let folder = project().join("tests/oracle/corpus");
    compare(
        "corpus.jsonl",
        |file| fs::read_to_string(folder.join(file)).expect(file),
        450,
    );
}

/// What lies beside the project, when it is there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = project().join("../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("{} is absent: nothing to compare", path.display());
    None
}

#[test]
fn real_histories_are_read_as_postgresql_reads_them() {
    let Some(folder) = shared("histories") else {
        return;
    };
    compare(
        "histories.jsonl",
        |file| fs::read_to_string(folder.join(file)).expect(file),
        1_000,
    );
}

#[test]
fn measured_statements_are_read_as_postgresql_reads_them() {
    let Some(path) = shared("facts/locks.md") else {
        return;
    };
    let text = fs::read_to_string(path).expect("a readable file");
    let rows: Vec<&str> = text.lines().collect();
    compare(
        "locks.jsonl",
        |file| {
            let (_, number) = file.split_once(':').expect("a line number");
            let row = rows[number.parse::<usize>().expect("a line number") - 1];
            let cell = row.split(" | ").nth(1).expect("a second cell");
            cell.trim_matches('`').to_owned()
        },
        150,
    );
}
