//! Writes what PostgreSQL's own parser (libpg_query) makes of SQL, in the normal form that zdm's
//! parser is compared in.
//!
//! Usage: `zdm-oracle PROJECT` — reads `tests/oracle/corpus`, and beside the project, when they
//! are there, `../shared/histories` and `../shared/facts/locks.md`; writes `tests/oracle/golden`.

mod alter;
mod data;
mod names;
mod table;
mod tree;
mod utility;

#[path = "../../it/oracle/form.rs"]
mod form;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use form::{Form, Line};
use pg_query::{ParserOptions, protobuf::Token};
use tree::Tree;

fn main() -> ExitCode {
    let Some(project) = std::env::args().nth(1).map(PathBuf::from) else {
        eprintln!("usage: zdm-oracle PROJECT");
        return ExitCode::FAILURE;
    };
    match run(&project) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn run(project: &Path) -> Outcome<()> {
    let golden = project.join("tests/oracle/golden");
    let corpus = project.join("tests/oracle/corpus");
    write(&golden.join("corpus.jsonl"), &folder(&corpus)?)?;
    let histories = project.join("../shared/histories");
    if histories.exists() {
        write(&golden.join("histories.jsonl"), &folder(&histories)?)?;
    }
    let locks = project.join("../shared/facts/locks.md");
    if locks.exists() {
        write(&golden.join("locks.jsonl"), &table_of_locks(&locks)?)?;
    }
    Ok(())
}

fn write(path: &Path, lines: &[Line]) -> Outcome<()> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    println!("{}: {} statements", path.display(), lines.len());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}

/// The statements of every SQL file below a folder.
fn folder(root: &Path) -> Outcome<Vec<Line>> {
    let mut files = Vec::new();
    find(root, &mut files)?;
    files.sort();
    let mut out = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path)?;
        let name = path.strip_prefix(root)?.display().to_string();
        out.extend(read(&name, &text)?);
    }
    Ok(out)
}

fn find(folder: &Path, out: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, out)?;
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            out.push(path);
        }
    }
    Ok(())
}

/// The statements of the table of measured locks: the second cell of each row.
fn table_of_locks(path: &Path) -> Outcome<Vec<Line>> {
    let mut out = Vec::new();
    for (number, line) in fs::read_to_string(path)?.lines().enumerate() {
        let sql = line
            .split(" | ")
            .nth(1)
            .and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        if let Some(sql) = sql {
            out.extend(read(&format!("locks.md:{}", number + 1), sql)?);
        }
    }
    Ok(out)
}

/// The statements of one text, all of which PostgreSQL must read.
fn read(file: &str, text: &str) -> Outcome<Vec<Line>> {
    let parsed = match pg_query::parse(text, ParserOptions::DEFAULT) {
        Ok(parsed) => parsed,
        Err(error) => {
            return Err(format!("{file}: {error}").into());
        }
    };
    // Where tokens start and end, comments left out.
    let tokens: Vec<(usize, usize)> = pg_query::scan(text)?
        .tokens
        .iter()
        .filter(|token| {
            let comment = [Token::SqlComment as i32, Token::CComment as i32];
            !comment.contains(&token.token)
        })
        .map(|token| (token.start as usize, token.end as usize))
        .collect();
    let mut out = Vec::new();
    for raw in &parsed.protobuf.stmts {
        let tree = serde_json::to_value(&raw.stmt)?;
        let from = usize::try_from(raw.stmt_location)?;
        let to = match usize::try_from(raw.stmt_len)? {
            0 => text.len(),
            length => from + length,
        };
        let mut inside = tokens
            .iter()
            .filter(|(start, end)| *start >= from && *end <= to && &text[*start..*end] != ";");
        let start = inside.clone().next().map_or(from, |(start, _)| *start);
        let end = inside.next_back().map_or(to, |(_, end)| *end);
        out.push(Line {
            file: file.to_owned(),
            start,
            end,
            form: statement(Tree(&tree)),
        });
    }
    Ok(out)
}

/// The normal form of a statement.
fn statement(node: Tree<'_>) -> Form {
    match node.tag() {
        "AlterTableStmt" => alter::relation(node),
        "RenameStmt" => alter::rename(node),
        "AlterObjectSchemaStmt" => alter::changed(node, "schema"),
        "AlterOwnerStmt" => alter::changed(node, "owner"),
        "AlterObjectDependsStmt" => alter::changed(node, "depends"),
        "AlterDomainStmt" => alter::domain(node),
        "CreateStmt" => table::create(node),
        "IndexStmt" => table::index(node),
        "SelectStmt" | "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => {
            data::query(node)
        }
        "TruncateStmt" => data::truncate(node),
        "CopyStmt" => data::copy(node),
        "DropStmt" => drop(node),
        "DropRoleStmt" => dropped("ROLE", node, node.list("roles").into_iter().map(names::role)),
        "DropdbStmt" => dropped("DATABASE", node, [node.text("dbname").to_owned()]),
        "DropTableSpaceStmt" => {
            dropped("TABLESPACE", node, [node.text("tablespacename").to_owned()])
        }
        "DropSubscriptionStmt" => dropped("SUBSCRIPTION", node, [node.text("subname").to_owned()]),
        _ => utility::form(node),
    }
}

fn dropped(kind: &str, node: Tree<'_>, names: impl IntoIterator<Item = String>) -> Form {
    let mut form = Form::new(format!("DROP {kind}"), names);
    form.flag(node.is("missing_ok"), "if exists");
    form.flag(names::cascades(node), "cascade");
    form
}

fn drop(node: Tree<'_>) -> Form {
    let kind = names::kind(node.number("remove_type"));
    let mut objects = Vec::new();
    for object in node.list("objects") {
        match kind.as_str() {
            "TRIGGER" | "POLICY" | "RULE" => {
                let mut parts = object.strings();
                let name = parts.pop().unwrap_or_default();
                objects.push(name);
                objects.push(names::join(&parts));
            }
            "OPERATOR CLASS" | "OPERATOR FAMILY" => {
                objects.push(names::join(&object.strings()[1..]));
            }
            "OPERATOR" | "CAST" | "TRANSFORM" => {}
            _ => objects.push(names::object(object)),
        }
    }
    let kind = match kind.as_str() {
        "FOREIGN TABLE" => "TABLE",
        "FUNCTION" | "PROCEDURE" | "AGGREGATE" => "ROUTINE",
        other => other,
    };
    let mut form = dropped(kind, node, objects);
    form.flag(node.is("concurrent"), "concurrently");
    form
}
