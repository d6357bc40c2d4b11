//! Complete migration histories of public projects, as the engine takes them, and rows for the
//! tables that they make.
//!
//! The texts lie beside the project and are not part of it: where they are absent, there is no
//! history, and a test says so and claims nothing. What a file must be told that its SQL does not
//! say is in one table, in `histories/told.rs`, for every test.

use std::path::{Path, PathBuf};

use sqlx::PgConnection;
use zdm::{
    execute::apply::MigrationFile,
    parse::{
        checksum,
        layout::{self, File, Layout, Wrapping},
        parse,
    },
    plan::{LateExpandPolicy, MigrationName},
    source::SourceFile,
};

use super::server::{run, try_run};

mod told;

pub(crate) use told::{EXERCISED, NOT_EXERCISED, refused_live, refused_offline};
use told::{SILENT, TOLD};

/// The histories, by folder, smallest first.
pub(crate) const NAMES: [&str; 6] = [
    "openfga",
    "svix",
    "authelia",
    "pocket-id",
    "marquez",
    "concourse",
];

/// One migration of a history.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    /// The migration as `zdm apply` takes it, directives included.
    pub(crate) file: MigrationFile,
    /// The file's text, byte for byte.
    pub(crate) text: String,
    /// Whether its tool would run it outside a transaction.
    pub(crate) wrapping: Wrapping,
    /// Whether its plan may make the new application wait for contract.
    pub(crate) late_expand: LateExpandPolicy,
    /// What is run afterwards on every database that is compared.
    pub(crate) end: &'static str,
}

/// A history.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// Its folder's name.
    pub(crate) name: &'static str,
    /// How its files are laid out.
    pub(crate) layout: Layout,
    /// Its migrations, in order.
    pub(crate) steps: Vec<Step>,
}

/// The folder of all histories, if it is there; a line says that it is not.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/histories");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("{} is absent: nothing to run", folder.display());
    None
}

/// One history, if the texts are there.
pub(crate) fn history(name: &'static str) -> Option<History> {
    let folder = folder()?.join(name);
    let mut files: Vec<File> = std::fs::read_dir(&folder)
        .expect("a history")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            File {
                path: name.into_owned(),
                text: std::fs::read_to_string(&path).expect("a readable file"),
            }
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let read = layout::read(&files, None);
    assert_eq!(read.errors, [], "{name}");
    let steps = read.migrations.into_iter().map(|migration| {
        let text = &files
            .iter()
            .find(|file| file.path == migration.path)
            .expect("its file")
            .text;
        step(name, migration, text)
    });
    Some(History {
        name,
        layout: read.layout,
        steps: steps.collect(),
    })
}

fn step(history: &str, migration: layout::Migration, text: &str) -> Step {
    let told = TOLD
        .iter()
        .find(|told| told.history == history && told.id == migration.id)
        .unwrap_or(&SILENT);
    let mut told_text = migration.text.clone();
    for (statement, directive) in told.statements {
        let at = told_text
            .find(statement)
            .unwrap_or_else(|| panic!("{history} {} holds no `{statement}`", migration.id));
        told_text.insert_str(at, &format!("-- zdm: {directive}\n"));
    }
    let mut script = parse(SourceFile::new(&migration.path, told_text));
    for directive in told.directives {
        let alone = parse(SourceFile::new(
            "zdm.toml",
            format!("-- zdm: file {directive}\n"),
        ));
        assert_eq!(alone.diagnostics, [], "{history} {}", migration.id);
        script.file_directives.extend(alone.file_directives);
    }
    Step {
        file: MigrationFile {
            name: MigrationName {
                id: migration.id,
                name: migration.name,
            },
            checksum: checksum(&script),
            script,
            source: text.to_owned(),
        },
        text: text.to_owned(),
        wrapping: migration.wrapping,
        late_expand: told.late_expand,
        end: told.end,
    }
}

/// The files that were refused are those of the list, and no others.
pub(crate) fn as_listed(history: &History, refused: &[String], listed: &[&str]) {
    let wrong: Vec<String> = history
        .steps
        .iter()
        .map(|step| step.file.name.id.as_str())
        .filter_map(|id| {
            let now = refused.iter().any(|one| one == id);
            match (listed.contains(&id), now) {
                (true, false) => Some(format!("{id} is refused no more: take it off the list")),
                (false, true) => Some(format!("{id} is refused")),
                (true, true) | (false, false) => None,
            }
        })
        .collect();
    assert!(wrong.is_empty(), "{}: {}", history.name, wrong.join("; "));
}

impl Step {
    /// Runs it as `psql -1 -f` would, or without the transaction where one of its statements
    /// cannot run in one.
    pub(crate) async fn plainly(&self, conn: &mut PgConnection) -> Result<(), String> {
        let script = &self.file.script;
        let sql = script.source.text();
        let whole = format!("BEGIN;\n{sql}\n;\nCOMMIT");
        let Err(error) = try_run(conn, &whole).await else {
            return Ok(());
        };
        run(conn, "ROLLBACK").await;
        let state = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code);
        // 25001: it cannot run inside a transaction block.
        if state.is_none_or(|state| state != "25001") {
            return Err(format!("{}: {error}", self.file.name.id));
        }
        super::phases::plainly(conn, sql)
            .await
            .map_err(|error| format!("{}: {error}", self.file.name.id))
    }
}

/// Takes all rows away, for a file that its author ran on tables without them.
pub(crate) async fn remove_rows(conn: &mut PgConnection) {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.oid::regclass::text FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' \
         AND n.nspname NOT IN ('information_schema', 'zdm') ORDER BY 1",
    )
    .persistent(false)
    .fetch_all(&mut *conn)
    .await
    .expect("the tables");
    run(conn, &format!("TRUNCATE {} CASCADE", tables.join(", "))).await;
}

/// Puts up to `count` rows into every table of the database that takes any. The same tables get
/// the same rows, whatever the order of their columns: values are made from names and numbers.
///
/// Rounds are made until no table takes more, so that rows come after those they refer to. What a
/// table does not take is left out; what the database holds is for the caller to compare.
pub(crate) async fn fill(conn: &mut PgConnection, count: u32) {
    run(conn, include_str!("histories/fill.sql")).await;
    run(
        conn,
        &format!(
            "CALL pg_temp.fill({count}); DROP PROCEDURE pg_temp.fill; \
             DROP FUNCTION pg_temp.fill_row; DROP FUNCTION pg_temp.fill_value"
        ),
    )
    .await;
}

/// Puts fixed values in place of those that a migration read from the clock, before two databases
/// are compared.
pub(crate) async fn settle(conn: &mut PgConnection) {
    run(conn, include_str!("histories/settle.sql")).await;
}
