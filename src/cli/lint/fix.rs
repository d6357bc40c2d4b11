//! `zdm lint --fix`: writes the safe equivalents, or shows them as a difference.
//!
//! Only migrations that a run looks at are written, and none that is known to have run. What has
//! to be a file of its own gets a version behind its migration and before the next one.

use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::{
    cli::{CliError, ErrorCode, history::Migration, new, output, state},
    config::{Config, migrations},
    fix::{Fixed, fix},
    lint::settings::Runner,
    parse::layout::{self, Folder, Layout, beside, insert},
    report::count,
};

use super::{
    Args,
    inputs::{Role, Series},
};

/// Whether files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// They are.
    Write,
    /// The difference is shown, and nothing is written.
    Show,
}

/// One text that is to be written: its path, what is there, what is to be there.
struct Change {
    path: PathBuf,
    old: Option<String>,
    new: String,
}

/// The folder of migrations, as it is.
struct Place {
    root: PathBuf,
    paths: Vec<String>,
    folder: Folder,
}

/// Fixes what a run looks at. Says how many changes were made, or would be.
pub(super) fn run(
    args: &Args,
    config: &Config,
    series: Vec<Series>,
    live: bool,
    mode: Mode,
) -> Result<usize, CliError> {
    if !live && args.paths.is_empty() && args.since.is_none() {
        return Err(CliError::new(
            ErrorCode::Usage,
            "which migrations have run is not known, and those must not be changed",
        )
        .with_hint(
            "Name the files to fix, or give --since REV, or --live with a database that has a journal.",
        ));
    }
    let mut changes = Vec::new();
    let (mut replaced, mut bounded) = (0, 0);
    for series in series {
        let mut catalog = series.catalog;
        for member in series.members {
            if member.role == Role::There {
                continue;
            }
            if let Some(sizes) = &series.sizes {
                sizes.apply(&mut catalog);
            }
            let migration = &member.migration;
            if member.role == Role::Judged {
                let own = migration.lint_settings(&config.settings.lint.rules);
                let fixed = fix(&migration.script, &catalog, &own);
                match of_migration(migration, &fixed, config) {
                    _ if !fixed.is_changed() => {}
                    _ if member.is_released() => left(migration, "it has run already"),
                    Ok(more) => {
                        replaced += fixed.replaced;
                        bounded += fixed.bounded;
                        changes.extend(more);
                    }
                    Err(why) => left(migration, &why),
                }
            }
            catalog = state::replay(catalog, &migration.script);
        }
    }
    for change in &changes {
        match mode {
            Mode::Show => output::result(&difference(change)),
            Mode::Write if change.path == Path::new(STDIN) => output::result(&change.new),
            Mode::Write => write(change)?,
        }
    }
    if mode == Mode::Write && replaced + bounded > 0 {
        output::note(&format!(
            "{}; written: {}.\n",
            done(replaced, bounded),
            changes
                .iter()
                .map(|change| change.path.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        ));
    }
    Ok(replaced + bounded)
}

/// `2 statements replaced, a timeout set once`.
fn done(replaced: usize, bounded: usize) -> String {
    let mut done = Vec::new();
    if replaced > 0 {
        done.push(format!("{} replaced", count(replaced as u64, "statement")));
    }
    match bounded {
        0 => {}
        1 => done.push("a timeout set once".to_owned()),
        times => done.push(format!("a timeout set {times} times")),
    }
    done.join(", ")
}

fn left(migration: &Migration, why: &str) {
    output::note(&format!(
        "{} is left as it is: {why}\n",
        migration.file.name()
    ));
}

/// The name of standard input.
const STDIN: &str = "<stdin>";

/// What is to be written for one migration, or why it cannot be.
fn of_migration(
    migration: &Migration,
    fixed: &Fixed,
    config: &Config,
) -> Result<Vec<Change>, String> {
    let Some((first, more)) = fixed.parts.split_first() else {
        return Ok(Vec::new());
    };
    let file = migration.file.text();
    let path = Path::new(migration.file.name());
    let place = place(path, config);
    let layout = place
        .as_ref()
        .map_or(Layout::Plain, |place| place.folder.layout);
    let own = migration.lint_settings(&config.settings.lint.rules);
    let wrapped = match own.runner {
        Runner::Statements => false,
        Runner::OneTransaction | Runner::OneString => true,
    };
    let mut text = in_file(migration, file, &first.text);
    let sections = matches!(layout, Layout::Goose | Layout::Dbmate | Layout::SqlMigrate);
    let mut changes = Vec::new();
    if first.alone && (wrapped || sections) {
        text = insert::without_transaction(layout, &text);
        changes.extend(beside_it(layout, path));
    }
    changes.insert(
        0,
        Change {
            path: path.to_owned(),
            old: Some(file.to_owned()),
            new: text,
        },
    );
    if more.is_empty() {
        return Ok(changes);
    }
    let place = place.ok_or("it has to be cut in parts, and is in no folder of migrations")?;
    let versions = insert::versions_after(&place.folder, &migration.name.id, more.len())
        .ok_or_else(|| {
            format!(
                "it has to be cut in {} files, and there is no room for {} between {} and the next version",
                fixed.parts.len(),
                count(more.len() as u64, "version"),
                migration.name.id
            )
        })?;
    let paths: Vec<&str> = place.paths.iter().map(String::as_str).collect();
    for (number, (part, id)) in more.iter().zip(&versions).enumerate() {
        let name = format!("{}_{}", migration.name.name, number + 2);
        let part = insert::Part {
            id,
            name: name.trim_start_matches('_'),
            of: &migration.name.id,
            text: &part.text,
            alone: part.alone,
        };
        for made in insert::files(layout, &paths, &part) {
            changes.push(Change {
                path: place.root.join(&made.path),
                old: None,
                new: made.text,
            });
        }
    }
    Ok(changes)
}

/// What is to be written beside a file that then runs outside a transaction.
fn beside_it(layout: Layout, path: &Path) -> Option<Change> {
    let path = PathBuf::from(beside::path(layout, path.to_str()?)?);
    let old = migrations::text(&path).ok();
    let new = beside::without_transaction(layout, old.as_deref())?;
    Some(Change { path, old, new })
}

/// The text of the file with another way up; what is not the way up stays as it is.
fn in_file(migration: &Migration, file: &str, up: &str) -> String {
    let old = migration.script.source.text();
    let start = old.len() - old.trim_start().len();
    let end = old.trim_end().len();
    if file == old || start >= end {
        return up.to_owned();
    }
    format!("{}{}{}", &file[..start], up.trim(), &file[end..])
}

/// The configured folder, when the file is in it.
fn place(path: &Path, config: &Config) -> Option<Place> {
    let root = migrations::folder(&config.base, config.settings.migrations_dir.as_deref()).ok()?;
    let inside = path
        .canonicalize()
        .ok()?
        .starts_with(root.canonicalize().ok()?);
    if !inside {
        return None;
    }
    let files: Vec<layout::File> = migrations::files(&root)
        .ok()?
        .into_iter()
        .map(|file| layout::File {
            path: file.relative,
            text: file.text,
        })
        .collect();
    let folder = layout::read(&files, config.settings.layout);
    Some(Place {
        root,
        paths: files.into_iter().map(|file| file.path).collect(),
        folder,
    })
}

fn difference(change: &Change) -> String {
    let old = change.old.as_deref().unwrap_or_default();
    let name = change.path.display().to_string();
    let before = if change.old.is_some() {
        name.as_str()
    } else {
        "/dev/null"
    };
    TextDiff::from_lines(old, &change.new)
        .unified_diff()
        .header(before, &name)
        .to_string()
}

fn write(change: &Change) -> Result<(), CliError> {
    let failed = |source: std::io::Error| {
        CliError::new(
            ErrorCode::Migrations,
            format!("cannot write {}: {source}", change.path.display()),
        )
        .with_hint("Check that you may write there, and that no file of that name exists.")
    };
    if change.old.is_some() {
        return std::fs::write(&change.path, &change.new).map_err(failed);
    }
    new::write_new(&change.path, &change.new).map_err(failed)
}
