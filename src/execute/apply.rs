//! `zdm apply`: takes migrations up in order, one after the other, each as far as asked.

use std::collections::BTreeSet;

use crate::{
    catalog::Catalog,
    db::{Session, introspect::introspect},
    diagnostic::Diagnostic,
    execute::{
        Runner, checks,
        driver::{Driver, DriftPolicy, connect},
        error::ExecuteError,
        event::EventKind,
        journal::{
            Edge, Journal, MigrationRecord, MigrationState, MigrationSummary, OpenState, Order,
            Start,
        },
        lease::{Lease, holder},
        machine::Goal,
    },
    parse::{PhaseName, Script},
    plan::{MigrationName, Plan, PlanInput, PlanSettings, Planned, plan},
};

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

/// What `zdm apply` is asked for.
#[derive(Debug, Clone)]
pub struct ApplyRequest {
    /// Only these migrations; empty for all.
    pub only: Vec<String>,
    /// None after this one.
    pub to: Option<String>,
    /// How far.
    pub through: Through,
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
    checks::server(&mut session, &runner.settings).await?;
    let journal = open_or_install(runner, &mut session).await?;
    check_names(files, request)?;
    let mut applied = Vec::new();
    for file in files {
        if !wanted(file, request) {
            continue;
        }
        let known = journal.migrations(&mut session).await?;
        let summary = known.iter().find(|summary| summary.id == file.name.id);
        let state = summary.map_or(MigrationState::Pending, |summary| summary.state);
        let Some(goal) = goal(state, request) else {
            if request.only.contains(&file.name.id) {
                applied.push(Applied { migration: file.name.clone(), state });
            }
            continue;
        };
        let reached = one(runner, &mut session, &journal, file, goal, request).await?;
        applied.push(Applied { migration: file.name.clone(), state: reached });
    }
    Ok(applied)
}

/// The journal of the database; in an empty database it is made.
async fn open_or_install(
    runner: &Runner,
    session: &mut Session,
) -> Result<Journal, ExecuteError> {
    let schema = &runner.settings.journal_schema;
    match Journal::open(session, schema).await? {
        OpenState::Missing { user_tables } if user_tables.is_empty() => {
            Journal::install(session, schema).await
        }
        OpenState::Missing { user_tables } => Err(ExecuteError::NoJournal { tables: user_tables }),
        OpenState::Open(journal) => Ok(journal),
    }
}

fn check_names(files: &[MigrationFile], request: &ApplyRequest) -> Result<(), ExecuteError> {
    let unknown = request
        .only
        .iter()
        .chain(&request.to)
        .find(|id| !files.iter().any(|file| file.name.id == **id));
    match unknown {
        None => Ok(()),
        Some(id) => Err(ExecuteError::Refused {
            code: "unknown-migration",
            message: format!("there is no migration {id}"),
            next: format!(
                "The folder holds: {}.",
                files.iter().map(|file| file.name.id.as_str()).collect::<Vec<_>>().join(", ")
            ),
        }),
    }
}

fn wanted(file: &MigrationFile, request: &ApplyRequest) -> bool {
    let before_end = request.to.as_ref().is_none_or(|to| {
        crate::parse::layout::version_order(&file.name.id, to) != std::cmp::Ordering::Greater
    });
    before_end && (request.only.is_empty() || request.only.contains(&file.name.id))
}

/// How far a migration in this state is to be taken; `None` when it is left alone.
fn goal(state: MigrationState, request: &ApplyRequest) -> Option<PhaseName> {
    let in_flight_or_new = match state {
        MigrationState::Done | MigrationState::Adopted => return None,
        MigrationState::Pending
        | MigrationState::Queued
        | MigrationState::RolledBack
        | MigrationState::Expanding
        | MigrationState::Expanded
        | MigrationState::Migrating
        | MigrationState::Migrated
        | MigrationState::Contracting
        | MigrationState::RollingBack
        | MigrationState::Failed => state,
    };
    match request.through {
        Through::Default => match in_flight_or_new {
            // Already where the default ends.
            MigrationState::Migrated | MigrationState::Contracting => None,
            _ => Some(PhaseName::Migrate),
        },
        Through::All => Some(PhaseName::Contract),
        Through::Phase(phase) => {
            let ready = match phase {
                PhaseName::Expand => matches!(
                    in_flight_or_new,
                    MigrationState::Pending
                        | MigrationState::Queued
                        | MigrationState::RolledBack
                        | MigrationState::Expanding
                ),
                PhaseName::Migrate => matches!(
                    in_flight_or_new,
                    MigrationState::Expanded | MigrationState::Migrating
                ),
                PhaseName::Contract => matches!(
                    in_flight_or_new,
                    MigrationState::Migrated | MigrationState::Contracting
                ),
            };
            // One that is asked for by name is refused by the machine, with its reason.
            (ready || in_flight_or_new == MigrationState::RollingBack).then_some(phase)
        }
    }
}

async fn one(
    runner: &Runner,
    session: &mut Session,
    journal: &Journal,
    file: &MigrationFile,
    goal: PhaseName,
    request: &ApplyRequest,
) -> Result<MigrationState, ApplyError> {
    let id = file.name.id.as_str();
    let lease = Lease::acquire(
        &runner.target,
        journal,
        id,
        &holder(runner.started),
        session.pid(),
        &runner.settings.lease,
    )
    .await?;
    let result = with_lease(runner, session, journal, &lease, file, goal, request).await;
    lease.release().await;
    result
}

async fn with_lease(
    runner: &Runner,
    session: &mut Session,
    journal: &Journal,
    lease: &Lease,
    file: &MigrationFile,
    goal: PhaseName,
    request: &ApplyRequest,
) -> Result<MigrationState, ApplyError> {
    let events = runner.events.for_migration(&file.name.id);
    let stored = journal
        .load(session, &file.name.id)
        .await?
        .filter(|record| record.state != MigrationState::RolledBack);
    let plan = match stored {
        Some(record) => {
            unchanged(file, &record)?;
            events.emit(None, EventKind::Resumed);
            stored_plan(&record)?
        }
        None => take_up(runner, session, journal, lease, file, request).await?,
    };
    let mut runner = runner.clone();
    runner.events = events;
    let mut driver = Driver::open(&runner, journal, lease, &plan).await?;
    driver.drift = request.drift;
    Ok(driver.run(Goal::Apply(goal)).await?)
}

/// A changed file after its expand started is refused, with the difference of both texts.
fn unchanged(file: &MigrationFile, record: &MigrationRecord) -> Result<(), ExecuteError> {
    if record.checksum == file.checksum {
        return Ok(());
    }
    Err(ExecuteError::ChangedFile {
        migration: file.name.id.clone(),
        difference: text_difference(&record.source, &file.source),
    })
}

/// The lines that differ, in the manner of `diff`.
fn text_difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same_start = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let same_end = old[same_start..]
        .iter()
        .rev()
        .zip(new[same_start..].iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let mut lines = vec![format!("line {}:", same_start + 1)];
    lines.extend(old[same_start..old.len() - same_end].iter().map(|line| format!("- {line}")));
    lines.extend(new[same_start..new.len() - same_end].iter().map(|line| format!("+ {line}")));
    lines.join("\n")
}

/// The plan as it was stored when expand started; it is never made anew.
pub fn stored_plan(record: &MigrationRecord) -> Result<Plan, ExecuteError> {
    record.plan.clone().ok_or_else(|| ExecuteError::Refused {
        code: "no-plan",
        message: format!("{} was not started by zdm: it has no plan", record.id),
        next: format!("Run zdm status {}.", record.id),
    })
}

/// Plans a migration on the live catalog and stores it.
async fn take_up(
    runner: &Runner,
    session: &mut Session,
    journal: &Journal,
    lease: &Lease,
    file: &MigrationFile,
    request: &ApplyRequest,
) -> Result<Plan, ApplyError> {
    let catalog = live_catalog(session).await?;
    let planned = plan_file(file, &catalog, &request.plan);
    if planned.refused() {
        return Err(ApplyError::Plan {
            migration: file.name.clone(),
            diagnostics: planned.diagnostics,
        });
    }
    let plan = planned.plan;
    let order = order_of(session, journal, file, &plan).await?;
    checks::plan(session, &runner.settings, &plan).await?;
    journal
        .start(session, Start { plan: &plan, source: &file.source, order }, lease)
        .await?;
    journal
        .boundary(session, PhaseName::Expand, Edge::Started, &std::collections::BTreeMap::new(), lease)
        .await?;
    runner
        .events
        .for_migration(&file.name.id)
        .emit(None, EventKind::PhaseStarted { phase: PhaseName::Expand });
    Ok(plan)
}

/// The catalog of the live database.
pub async fn live_catalog(session: &mut Session) -> Result<Catalog, ExecuteError> {
    introspect(session)
        .await
        .map_err(|error| ExecuteError::from_db("reading the catalog", error))
}

/// The plan of one file.
pub fn plan_file(file: &MigrationFile, catalog: &Catalog, settings: &PlanSettings) -> Planned {
    plan(&PlanInput {
        migration: &file.name,
        checksum: &file.checksum,
        script: &file.script,
        catalog,
        settings,
    })
}

/// Refuses a migration that must wait for another, and says whether it comes in its turn.
async fn order_of(
    session: &mut Session,
    journal: &Journal,
    file: &MigrationFile,
    plan: &Plan,
) -> Result<Order, ExecuteError> {
    let id = file.name.id.as_str();
    let mut order = Order::InOrder;
    for other in journal.migrations(session).await? {
        if other.id == id {
            continue;
        }
        let later = crate::parse::layout::version_order(&other.id, id) == std::cmp::Ordering::Greater;
        let applied = matches!(other.state, MigrationState::Done | MigrationState::Adopted);
        let in_flight = !applied && other.state != MigrationState::RolledBack;
        if !in_flight && !later {
            continue;
        }
        if other.state == MigrationState::RolledBack {
            continue;
        }
        let shared = shared_relations(session, journal, &other, plan).await?;
        if in_flight && !shared.is_empty() {
            return Err(queued(id, &other, &shared));
        }
        if later && applied {
            if !shared.is_empty() {
                return Err(ExecuteError::Refused {
                    code: "out-of-order",
                    message: format!(
                        "{id} comes before {} ({}), which is applied and changes {} too",
                        other.id,
                        other.name,
                        shared.join(", ")
                    ),
                    next: format!("Give {id} a number after {}.", other.id),
                });
            }
            order = Order::OutOfOrder;
        }
    }
    Ok(order)
}

fn queued(id: &str, other: &MigrationSummary, shared: &[String]) -> ExecuteError {
    let next = match other.state {
        MigrationState::Migrated => format!("Run zdm apply {} --phase contract.", other.id),
        MigrationState::RollingBack => format!("Run zdm rollback {}.", other.id),
        _ => format!("Run zdm apply {}.", other.id),
    };
    ExecuteError::Queued {
        message: format!(
            "{id} is queued behind {} ({}), which is {} and changes {} too",
            other.id,
            other.name,
            other.state,
            shared.join(", ")
        ),
        next,
    }
}

/// The relations that another migration's plan and this one both touch.
async fn shared_relations(
    session: &mut Session,
    journal: &Journal,
    other: &MigrationSummary,
    plan: &Plan,
) -> Result<Vec<String>, ExecuteError> {
    let Some(record) = journal.load(session, &other.id).await? else { return Ok(Vec::new()) };
    let Some(theirs) = &record.plan else { return Ok(Vec::new()) };
    let ours = relations(plan);
    Ok(relations(theirs).intersection(&ours).cloned().collect())
}

/// The relations a plan locks, by name.
fn relations(plan: &Plan) -> BTreeSet<String> {
    plan.steps()
        .flat_map(|step| &step.locks)
        .map(|lock| lock.relation.short())
        .chain(plan.fingerprint.keys().map(|name| {
            name.strip_prefix("public.").unwrap_or(name).to_owned()
        }))
        .collect()
}
