//! `zdm apply`: takes migrations up in order, one after the other, each as far as asked.
//!
//! Next: `ready` says what is due, [`order`] which may be in flight together, `take_up` plans one and
//! hands it to the driver.

pub mod order;
mod ready;
mod take_up;

use crate::{
    db::Session,
    diagnostic::Diagnostic,
    execute::{
        Runner,
        adopt::mirror::Mirror,
        driver::{DriftPolicy, connect},
        error::ExecuteError,
        journal::{Adopted, Journal, MigrationState, MigrationSummary, OpenState},
        made,
    },
    ident::ObjectName,
    parse::{PhaseName, Script},
    plan::{Compat, MigrationName, PlanSettings},
};

pub use take_up::{plan_file, stored_plan};

use order::position;
use ready::{goal, refuse_if_nothing_is_ready, too_early};
use take_up::{Turn, nothing_to_contract, one};

/// One migration of the folder.
#[derive(Debug, Clone)]
pub struct MigrationFile {
    /// Version and name.
    pub name: MigrationName,
    /// Its statements.
    pub script: Script,
    /// Its checksum.
    pub checksum: String,
    /// Its text, byte for byte.
    pub source: String,
}

/// How far each migration is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    /// What is pending: expand and migrate, and never contract.
    Default,
    /// The end of this phase, for those that have ended the phase before it.
    Phase(PhaseName),
    /// Everything.
    All,
}

/// What happens to a migration below one that is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfOrder {
    /// It is accepted when they share no relation.
    WhenDisjoint,
    /// It is refused.
    Refuse,
}

/// What `zdm apply` is asked for.
#[derive(Debug, Clone)]
pub struct ApplyRequest {
    /// Only these migrations; empty for all.
    pub only: Vec<String>,
    /// None after this one.
    pub to: Option<String>,
    /// How far.
    pub through: Through,
    /// What happens to a migration below one that is applied.
    pub out_of_order: OutOfOrder,
    /// Whether a difference between phases stops the run.
    pub drift: DriftPolicy,
    /// How plans are made.
    pub plan: PlanSettings,
}

/// Where a migration has got to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The migration.
    pub migration: MigrationName,
    /// Its state.
    pub state: MigrationState,
    /// Who works at each phase boundary, as its plan says; empty when none is stored.
    pub compat: Vec<Compat>,
}

/// Why `zdm apply` ended early.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The plan of a migration is refused; nothing of it was run.
    #[error("the plan of {} is refused", migration.id)]
    Plan {
        /// The migration.
        migration: MigrationName,
        /// What stands against it; spans are in its file.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Applies what is asked for. Migrations are in the order of their versions.
pub async fn apply(
    runner: &Runner,
    files: &[MigrationFile],
    request: &ApplyRequest,
) -> Result<Vec<Applied>, ApplyError> {
    let mut session = connect(&runner.target, "apply").await?;
    let journal = open_or_install(runner, &mut session).await?;
    check_names(files, &request.only, request.to.as_ref())?;
    // What cannot be kept up is refused before anything is begun.
    Mirror::resolve(&mut session, runner.settings.mirror.as_ref(), &journal).await?;
    if let Some(record) = made::disagreeing(&mut session, &journal).await?.first() {
        made::refuse(&mut session, record).await?;
    }
    let mut applied = Vec::new();
    for file in files {
        if !wanted(file, request) {
            continue;
        }
        if past_end(files, file, request) {
            break;
        }
        let known = journal.migrations(&mut session).await?;
        let summary = known.iter().find(|summary| summary.id == file.name.id);
        let state = summary.map_or(MigrationState::Pending, |summary| summary.state);
        let mut goal = goal(state, request);
        if goal.is_none()
            && state == MigrationState::Migrated
            && request.through == Through::Default
        {
            let record = journal.load(&mut session, &file.name.id).await?;
            let plan = record.and_then(|record| record.plan);
            if plan.as_ref().is_some_and(nothing_to_contract) {
                goal = Some(PhaseName::Contract);
            }
        }
        let Some(goal) = goal else {
            if request.only.contains(&file.name.id) {
                too_early(
                    &mut session,
                    &journal,
                    &known,
                    &file.name.id,
                    request.through,
                )
                .await?;
                applied.push(Applied {
                    migration: file.name.clone(),
                    state,
                    compat: stored_compat(&journal, &mut session, file).await?,
                });
            }
            continue;
        };
        let reached = one(
            &mut Turn {
                runner,
                session: &mut session,
                journal: &journal,
                files,
                file,
                request,
            },
            goal,
        )
        .await?;
        applied.push(Applied {
            migration: file.name.clone(),
            state: reached,
            compat: stored_compat(&journal, &mut session, file).await?,
        });
    }
    if applied.is_empty() {
        refuse_if_nothing_is_ready(&mut session, &journal, files, request).await?;
    }
    Ok(applied)
}

/// The journal of the database; in an empty database it is made.
pub(crate) async fn open_or_install(
    runner: &Runner,
    session: &mut Session,
) -> Result<Journal, ExecuteError> {
    let schema = &runner.settings.journal_schema;
    match Journal::open(session, schema).await? {
        OpenState::Missing { user_tables } if user_tables.is_empty() => {
            Journal::install(session, schema, Adopted::Empty).await
        }
        OpenState::Missing { user_tables } => Err(ExecuteError::NoJournal {
            tables: user_tables.iter().map(ObjectName::short).collect(),
        }),
        open @ (OpenState::Open(_) | OpenState::Copied { .. }) => open
            .journal()?
            .ok_or_else(|| ExecuteError::NoJournal { tables: Vec::new() }),
    }
}

/// The state of every migration that the journal knows.
pub async fn states(
    runner: &Runner,
    session: &mut Session,
) -> Result<Vec<MigrationSummary>, ExecuteError> {
    match Journal::open(session, &runner.settings.journal_schema)
        .await?
        .journal()?
    {
        Some(journal) => journal.migrations(session).await,
        None => Ok(Vec::new()),
    }
}

pub(crate) fn check_names(
    files: &[MigrationFile],
    only: &[String],
    to: Option<&String>,
) -> Result<(), ExecuteError> {
    let unknown = only
        .iter()
        .chain(to)
        .find(|id| !files.iter().any(|file| file.name.id == **id));
    match unknown {
        None => Ok(()),
        Some(id) => Err(ExecuteError::Refused {
            code: "unknown-migration",
            message: format!("there is no migration {id}"),
            next: format!(
                "The folder holds: {}.",
                files
                    .iter()
                    .map(|file| file.name.id.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }),
    }
}

/// Who works at each phase boundary of a migration that has been taken up.
async fn stored_compat(
    journal: &Journal,
    session: &mut Session,
    file: &MigrationFile,
) -> Result<Vec<Compat>, ExecuteError> {
    let record = journal.load(session, &file.name.id).await?;
    Ok(record
        .and_then(|record| record.plan)
        .map(|plan| plan.compat)
        .unwrap_or_default())
}

fn wanted(file: &MigrationFile, request: &ApplyRequest) -> bool {
    request.only.is_empty() || request.only.contains(&file.name.id)
}

fn past_end(files: &[MigrationFile], file: &MigrationFile, request: &ApplyRequest) -> bool {
    request
        .to
        .as_ref()
        .is_some_and(|to| position(files, &file.name.id) > position(files, to))
}
