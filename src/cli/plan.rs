//! `zdm plan`.

mod check;

use std::path::{Path, PathBuf};

use crate::{
    catalog::{Catalog, Stats},
    cli::{
        CliError, ErrorCode, Exit, Format,
        history::{self, Migration, Twice},
        output,
        state::{self, State, StateArgs, replay},
    },
    config::{Config, Settings},
    diagnostic::{Diagnostic, Level},
    execute::apply::order::Holder,
    plan::{self, LateExpandPolicy, PlanInput, PlanSettings, Planned},
    report::{findings::PlanText, human, json, plan_human, plan_markdown, plan_sql},
};

/// Show what zdm would do: phases and steps, with the lock of each, what it holds up, and how it
/// is taken back.
///
/// Without an argument, the newest migration of the folder is shown. Nothing is changed, and no
/// database is needed: without one, what exists before is what the earlier migrations made.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of migrations, SQL files, or - for standard input.
    #[arg(value_name = "ID|FILE")]
    targets: Vec<String>,
    #[command(flatten)]
    state: StateArgs,
    /// Compare with the approved plans in this file, as --format json wrote them: exit 1, with what
    /// differs, when one of them is not the plan of now.
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
    /// Accept a plan in which the new application has to wait for contract.
    #[arg(long)]
    allow_late_expand: bool,
    /// How to show the plan.
    #[arg(long, value_enum, default_value_t = PlanFormat::Human)]
    format: PlanFormat,
}

impl Args {
    /// The format that errors are shown in.
    pub(super) fn error_format(&self) -> Format {
        match self.format {
            PlanFormat::Human | PlanFormat::Sql | PlanFormat::Markdown => Format::Human,
            PlanFormat::Json => Format::Json,
        }
    }
}

/// The formats of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(super) enum PlanFormat {
    /// For people.
    Human,
    /// For programs: the plan as it is stored when expand starts.
    Json,
    /// The statements as a script with comments.
    Sql,
    /// A comment for a pull request: who works when, what is locked, and the SQL folded away.
    Markdown,
}

/// Stands in a shown plan where the plan that is run holds a secret, made when expand starts.
const NO_SECRET_YET: &str = "made-when-expand-starts";

/// Runs it.
pub(super) async fn run(args: &Args, config: &Config) -> Result<Exit, CliError> {
    let state = args.state.read(&config.settings).await?;
    let holders = match &state {
        State::Live(_, database) => database.holders.clone(),
        State::Dump(_) | State::Replay(_) => Vec::new(),
    };
    let database = match &state {
        State::Live(_, database) => Some(database.name.clone()),
        State::Dump(_) | State::Replay(_) => None,
    };
    let late_expand = if args.allow_late_expand {
        LateExpandPolicy::Accept
    } else {
        config.settings.late_expand
    };
    let settings = settings(late_expand, &config.settings, database);
    let approved = args.check.as_deref().map(check::read).transpose()?;
    let targets = match &approved {
        Some(approved) => check::targets(&args.targets, approved)?,
        None => args.targets.clone(),
    };
    let mut refused = 0;
    let sizes = state::sizes(config)?;
    let mut migrations = migrations(&targets, config, state)?;
    if let Some(approved) = &approved {
        check::all_there(approved, &migrations)?;
    }
    let mut compared = Vec::new();
    for (migration, before) in &mut migrations {
        let sizes = sizes.as_ref().filter(|_| !before.live);
        if let Some(sizes) = sizes {
            sizes.apply(before);
        }
        let mut planned = plan::plan(&PlanInput {
            migration: &migration.name,
            checksum: &migration.checksum,
            script: &migration.script,
            catalog: before,
            settings: &settings,
        });
        planned.plan.sizes = sizes.map(Stats::source);
        note_waiting(migration, &holders);
        show_diagnostics(migration, &planned.diagnostics);
        if planned.refused() {
            refused += 1;
        } else if let Some(approved) = &approved {
            compared.push(check::compare(approved, &planned.plan));
        } else {
            show(&planned, args.format);
        }
    }
    if refused == 0 {
        return match approved {
            Some(_) => check::verdict(&compared, args.error_format()),
            None => Ok(Exit::Done),
        };
    }
    Err(CliError::new(
        ErrorCode::InvalidMigration,
        match migrations.as_slice() {
            [(only, _)] => format!("{} cannot be planned as it is", only.title()),
            _ => format!(
                "{refused} of {} migrations cannot be planned as they are",
                migrations.len()
            ),
        },
    )
    .with_hint("Each error above says what to write; nothing was changed."))
}

/// The plan of a migration for a comment, or why there is none.
pub(super) fn as_text(
    migration: &Migration,
    before: &Catalog,
    configured: &Settings,
    database: Option<&str>,
) -> PlanText {
    let settings = settings(
        configured.late_expand,
        configured,
        database.map(str::to_owned),
    );
    let planned = plan::plan(&PlanInput {
        migration: &migration.name,
        checksum: &migration.checksum,
        script: &migration.script,
        catalog: before,
        settings: &settings,
    });
    let text = if planned.refused() {
        let why: Vec<&str> = planned
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.level == Level::Error)
            .map(|diagnostic| diagnostic.message.as_str())
            .collect();
        plan_markdown::refused(&why)
    } else {
        plan_markdown::plan(&planned.plan)
    };
    PlanText {
        title: migration.title(),
        text,
    }
}

fn settings(
    late_expand: LateExpandPolicy,
    settings: &Settings,
    database: Option<String>,
) -> PlanSettings {
    PlanSettings {
        tighten: settings.tighten,
        late_expand,
        sizes: settings.sizes,
        journal_schema: settings.execute.journal_schema.clone(),
        secret: NO_SECRET_YET.to_owned(),
        database,
    }
}

/// Says for what a migration waits; it is planned on what is there by then.
pub(super) fn note_waiting(migration: &Migration, holders: &[Holder]) {
    let id = &migration.name.id;
    for holder in holders {
        if let Some(waits) = holder.keeps_back(id, migration.file.text()) {
            output::note(&format!(
                "note: {waits}. It is planned here as after that.\n"
            ));
        }
    }
}

fn show_diagnostics(migration: &Migration, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        output::note(&(human::diagnostic(&migration.file, diagnostic) + "\n"));
    }
}

/// Prints a plan.
pub(super) fn show(planned: &Planned, format: PlanFormat) {
    output::result(&match format {
        PlanFormat::Human => plan_human::plan(&planned.plan),
        PlanFormat::Json => json::pretty(&planned.plan),
        PlanFormat::Sql => plan_sql::plan(&planned.plan),
        PlanFormat::Markdown => plan_markdown::plan(&planned.plan),
    });
}

/// The migrations asked for, each with what exists before it.
fn migrations(
    targets: &[String],
    config: &Config,
    state: State,
) -> Result<Vec<(Migration, Catalog)>, CliError> {
    let (files, ids): (Vec<&String>, Vec<&String>) = targets
        .iter()
        .partition(|target| *target == "-" || Path::new(target).is_file());
    let history = if ids.is_empty() && !targets.is_empty() {
        history::load_if_there(config, Twice::Refuse)?
    } else {
        Some(history::load(config, Twice::Refuse)?)
    };
    let mut wanted: Vec<bool> = Vec::new();
    let (replayed, mut catalog) = match state {
        State::Dump(catalog) | State::Live(catalog, _) => (false, catalog),
        State::Replay(version) if history.is_some() => (true, Catalog::empty(version)),
        State::Replay(version) => (true, Catalog::unknown(version)),
    };
    let migrations = history.map_or_else(Vec::new, |history| history.migrations);
    for id in &ids {
        history::find(&migrations, id)?;
    }
    for (at, migration) in migrations.iter().enumerate() {
        wanted.push(if targets.is_empty() {
            at + 1 == migrations.len()
        } else {
            ids.iter().any(|id| **id == migration.name.id)
                || files.iter().any(|file| migration.is_file(Path::new(file)))
        });
    }
    let elsewhere: Vec<&&String> = files
        .iter()
        .filter(|file| !migrations.iter().any(|m| m.is_file(Path::new(file))))
        .collect();
    let mut found = Vec::new();
    for (migration, wanted) in migrations.into_iter().zip(wanted) {
        let before = catalog.clone();
        if replayed || wanted {
            catalog = replay(catalog, &migration.script);
        }
        if wanted {
            found.push((migration, before));
        }
    }
    for file in elsewhere {
        let migration = history::of_file(super::lint::source(file)?, config)?;
        let before = catalog.clone();
        catalog = replay(catalog, &migration.script);
        found.push((migration, before));
    }
    Ok(found)
}
