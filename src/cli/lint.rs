//! `zdm lint`.

use std::{io::Read as _, path::Path};

use crate::{
    catalog::Catalog,
    cli::{
        CliError, ErrorCode, Exit, Format,
        history::{self, History, Migration},
        output,
        state::{State, StateArgs},
    },
    config::{Config, FailOn, migrations},
    diagnostic::Level,
    lint::{Linted, lint, rules},
    report::{Shown, human, json},
    source::SourceFile,
};

/// Find what would hold up clients, break an application or fail.
///
/// Without a path, every migration of the folder is looked at, each on what the earlier ones
/// made. A path is a file, a folder of migrations, or - for standard input.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Files, folders of migrations, or - for standard input.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    #[command(flatten)]
    state: StateArgs,
    /// The lowest level that makes the exit code 1; zdm.toml has the default.
    #[arg(long, value_enum, value_name = "LEVEL")]
    fail_on: Option<FailOnLevel>,
    /// How to show the findings.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

/// From which level on findings make the exit code 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOnLevel {
    Error,
    Warning,
    Info,
    Never,
}

impl From<FailOnLevel> for FailOn {
    fn from(level: FailOnLevel) -> Self {
        match level {
            FailOnLevel::Error => Self::Level(Level::Error),
            FailOnLevel::Warning => Self::Level(Level::Warning),
            FailOnLevel::Info => Self::Level(Level::Info),
            FailOnLevel::Never => Self::Never,
        }
    }
}

/// A migration with what was found in it.
struct Looked {
    migration: Migration,
    linted: Linted,
}

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let state = args.state.read(&config.settings).await?;
    let database = match &state {
        State::Live(_, database) => Some(database.clone()),
        State::Dump(_) | State::Replay(_) => None,
    };
    let looked = look(args, config, state)?;
    let shown: Vec<Shown<'_>> = looked.iter().flat_map(shown).collect();
    match args.format {
        Format::Human => {
            output::result(&human::diagnostics(&shown));
            let explained = shown
                .iter()
                .map(|shown| shown.diagnostic.rule)
                .find(|rule| rules::find(rule).is_some());
            output::note(&(human::summary(&shown, looked.len(), explained) + "\n"));
        }
        Format::Json => {
            output::result(&json::pretty(&json::Lint::new(&shown, database.as_deref())));
        }
    }
    let fail_on = args
        .fail_on
        .map_or(config.settings.lint.fail_on, FailOn::from);
    let fails = shown
        .iter()
        .any(|shown| fail_on.includes(shown.diagnostic.level));
    Ok(if fails { Exit::Found } else { Exit::Done })
}

fn shown(looked: &Looked) -> impl Iterator<Item = Shown<'_>> {
    looked.linted.findings.iter().map(|finding| Shown {
        source: &looked.migration.file,
        diagnostic: &finding.diagnostic,
        statement: finding
            .statement
            .and_then(|at| looked.migration.script.statements.get(at))
            .map(|statement| statement.span),
        effects: finding.effects.as_ref(),
    })
}

fn look(args: &Args, config: &Config, state: State) -> Result<Vec<Looked>, CliError> {
    let settings = &config.settings.lint.rules;
    let mut found = Vec::new();
    let mut keep = |migration: Migration, catalog: &mut Catalog| {
        let linted = lint(&migration.script, catalog, settings);
        catalog.clone_from(&linted.after);
        found.push(Looked { migration, linted });
    };
    match state {
        State::Dump(mut catalog) | State::Live(mut catalog, _) => {
            if args.paths.is_empty() {
                return Err(CliError::new(
                    ErrorCode::Usage,
                    "with a schema dump or a database, the files to look at must be named",
                )
                .with_hint(
                    "Name the migrations that are not in it yet, as in \
                     `zdm lint --live migrations/0042_rename.sql`.",
                ));
            }
            for path in &args.paths {
                for migration in inputs(path, config)? {
                    keep(migration, &mut catalog);
                }
            }
        }
        State::Replay(version) if args.paths.is_empty() => {
            let mut catalog = Catalog::empty(version);
            for migration in history::load(config)?.migrations {
                keep(migration, &mut catalog);
            }
        }
        State::Replay(version) => {
            // Files of the folder are judged at their place in it, others after all of it.
            let (files, folders): (Vec<&String>, Vec<&String>) = args
                .paths
                .iter()
                .partition(|path| !Path::new(path).is_dir());
            for folder in folders {
                let mut catalog = Catalog::empty(version);
                for migration in history::of_folder(Path::new(folder), config)?.migrations {
                    keep(migration, &mut catalog);
                }
            }
            if files.is_empty() {
                return Ok(found);
            }
            let (history, mut catalog) = match history::load_if_there(config)? {
                Some(history) => (history, Catalog::empty(version)),
                None => (History::default(), Catalog::unknown(version)),
            };
            let mut elsewhere: Vec<&String> = files.clone();
            for migration in history.migrations {
                let named = files.iter().any(|path| migration.is_file(Path::new(path)));
                elsewhere.retain(|path| !migration.is_file(Path::new(path)));
                if named {
                    keep(migration, &mut catalog);
                } else {
                    catalog = super::state::replay(catalog, &migration.script);
                }
            }
            for path in elsewhere {
                keep(history::of_file(source(path)?, config)?, &mut catalog);
            }
        }
    }
    Ok(found)
}

/// The migrations that a path names: one file, or those of a folder.
fn inputs(path: &str, config: &Config) -> Result<Vec<Migration>, CliError> {
    if Path::new(path).is_dir() {
        return Ok(history::of_folder(Path::new(path), config)?.migrations);
    }
    Ok(vec![history::of_file(source(path)?, config)?])
}

/// The text of a file, or of standard input.
pub(super) fn source(path: &str) -> Result<SourceFile, CliError> {
    if path != "-" {
        let text = migrations::text(Path::new(path))?;
        return Ok(SourceFile::new(path, text));
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| {
            CliError::new(
                ErrorCode::Usage,
                format!("standard input cannot be read: {error}"),
            )
        })?;
    Ok(SourceFile::new("<stdin>", text))
}
