//! `zdm apply`: takes migrations up in order, one after the other, each as far as asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::Catalog,
    db::{Session, introspect::introspect},
    diagnostic::Diagnostic,
    effects::LockMode,
    execute::{
        Runner, checks,
        driver::{DriftPolicy, Driver, connect},
        error::ExecuteError,
        event::EventKind,
        journal::{
            Adopted, Edge, Journal, MigrationRecord, MigrationState, MigrationSummary, OpenState,
            Order, Start,
        },
        lease::{Lease, holder},
        machine::Goal,
    },
    ident::ObjectName,
    parse::{PhaseName, Script},
    plan::{MigrationName, Plan, PlanInput, PlanSettings, Planned, Step, StepKind, plan},
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
    check_names(files, request)?;
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
        let Some(goal) = goal(state, request) else {
            if request.only.contains(&file.name.id) {
                applied.push(Applied {
                    migration: file.name.clone(),
                    state,
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
        });
    }
    Ok(applied)
}

/// The journal of the database; in an empty database it is made.
async fn open_or_install(runner: &Runner, session: &mut Session) -> Result<Journal, ExecuteError> {
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
                files
                    .iter()
                    .map(|file| file.name.id.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }),
    }
}

fn wanted(file: &MigrationFile, request: &ApplyRequest) -> bool {
    request.only.is_empty() || request.only.contains(&file.name.id)
}

/// Where a version stands in the order of the folder; one that is not in it stands nowhere.
fn position(files: &[MigrationFile], id: &str) -> Option<usize> {
    files.iter().position(|file| file.name.id == id)
}

fn past_end(files: &[MigrationFile], file: &MigrationFile, request: &ApplyRequest) -> bool {
    request
        .to
        .as_ref()
        .is_some_and(|to| position(files, &file.name.id) > position(files, to))
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

/// One migration whose turn it is.
struct Turn<'a> {
    runner: &'a Runner,
    session: &'a mut Session,
    journal: &'a Journal,
    files: &'a [MigrationFile],
    file: &'a MigrationFile,
    request: &'a ApplyRequest,
}

async fn one(turn: &mut Turn<'_>, goal: PhaseName) -> Result<MigrationState, ApplyError> {
    let lease = Lease::acquire(
        &turn.runner.target,
        turn.journal,
        &turn.file.name.id,
        &holder(turn.runner.started),
        turn.session.pid(),
        &turn.runner.settings.lease,
    )
    .await?;
    let result = with_lease(turn, &lease, goal).await;
    lease.release().await;
    result
}

async fn with_lease(
    turn: &mut Turn<'_>,
    lease: &Lease,
    goal: PhaseName,
) -> Result<MigrationState, ApplyError> {
    let file = turn.file;
    let mut runner = turn.runner.clone();
    runner.events = runner.events.for_migration(&file.name.id);
    let stored = turn
        .journal
        .load(turn.session, &file.name.id)
        .await?
        .filter(|record| record.state != MigrationState::RolledBack);
    let plan = match stored {
        Some(record) => {
            unchanged(file, &record)?;
            // At a phase boundary nothing was interrupted.
            if matches!(
                record.state,
                MigrationState::Expanding | MigrationState::Migrating | MigrationState::Contracting
            ) {
                runner.events.emit(None, EventKind::Resumed);
            }
            stored_plan(&record)?
        }
        None => take_up(turn, &runner, lease).await?,
    };
    let mut driver = Driver::open(&runner, turn.journal, lease, &plan).await?;
    driver.drift = turn.request.drift;
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
    lines.extend(
        old[same_start..old.len() - same_end]
            .iter()
            .map(|line| format!("- {line}")),
    );
    lines.extend(
        new[same_start..new.len() - same_end]
            .iter()
            .map(|line| format!("+ {line}")),
    );
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
async fn take_up(turn: &mut Turn<'_>, runner: &Runner, lease: &Lease) -> Result<Plan, ApplyError> {
    let catalog = live_catalog(turn.session).await?;
    let planned = plan_file(turn.file, &catalog, &turn.request.plan);
    if planned.refused() {
        return Err(ApplyError::Plan {
            migration: turn.file.name.clone(),
            diagnostics: planned.diagnostics,
        });
    }
    let plan = planned.plan;
    let order = order_of(turn, &plan).await?;
    preflight(runner, turn.session, &catalog, &plan).await?;
    let (journal, session) = (turn.journal, &mut *turn.session);
    let source = &turn.file.source;
    journal
        .start(
            session,
            Start {
                plan: &plan,
                source,
                order,
            },
            lease,
        )
        .await?;
    let nothing = BTreeMap::new();
    journal
        .boundary(session, PhaseName::Expand, Edge::Started, &nothing, lease)
        .await?;
    runner.events.emit(
        None,
        EventKind::PhaseStarted {
            phase: PhaseName::Expand,
        },
    );
    Ok(plan)
}

/// Looks at the database before anything is changed: privileges, publications, row security.
async fn preflight(
    runner: &Runner,
    session: &mut Session,
    catalog: &Catalog,
    plan: &Plan,
) -> Result<(), ExecuteError> {
    let strong = |step: &&Step| {
        step.locks
            .iter()
            .any(|lock| lock.mode > LockMode::RowExclusive)
    };
    let tables: BTreeSet<ObjectName> = plan
        .steps()
        .filter(strong)
        .flat_map(|step| &step.locks)
        .map(|lock| lock.relation.clone())
        .filter(|relation| catalog.tables.contains_key(relation))
        .collect();
    let backfilled: BTreeSet<ObjectName> = plan
        .steps()
        .filter_map(|step| match &step.kind {
            StepKind::Backfill { backfill } => Some(backfill.table.clone()),
            _ => None,
        })
        .collect();
    let tables: Vec<ObjectName> = tables.into_iter().collect();
    let backfilled: Vec<ObjectName> = backfilled.into_iter().collect();
    let scope = checks::Scope {
        tables: &tables,
        reshaped: &backfilled,
        backfilled: &backfilled,
        journal_schema: &runner.settings.journal_schema,
        role: runner.settings.role.as_ref(),
        without_monitor: runner.settings.without_monitor,
    };
    let findings = checks::preflight(session, &scope).await?;
    for finding in &findings {
        if finding.level == checks::FindingLevel::Warning {
            let fix = finding.fix.as_deref().unwrap_or_default();
            runner
                .events
                .note(None, format!("{} {fix}", finding.message));
        }
    }
    checks::refuse(&findings)
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
async fn order_of(turn: &mut Turn<'_>, plan: &Plan) -> Result<Order, ExecuteError> {
    let (journal, files, file) = (turn.journal, turn.files, turn.file);
    let session = &mut *turn.session;
    let id = file.name.id.as_str();
    let mut order = Order::InOrder;
    for other in journal.migrations(session).await? {
        if other.id == id {
            continue;
        }
        let later = position(files, &other.id) > position(files, id);
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
            if turn.request.out_of_order == OutOfOrder::Refuse {
                return Err(ExecuteError::Refused {
                    code: "out-of-order",
                    message: format!(
                        "{id} comes before {} ({}), which is applied",
                        other.id, other.name
                    ),
                    next: format!(
                        "Give {id} a number after {}, or allow it with [order] strict = false.",
                        other.id
                    ),
                });
            }
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
    let Some(record) = journal.load(session, &other.id).await? else {
        return Ok(Vec::new());
    };
    let Some(theirs) = &record.plan else {
        return Ok(Vec::new());
    };
    let ours = relations(plan);
    Ok(relations(theirs).intersection(&ours).cloned().collect())
}

/// The relations a plan locks, by name.
fn relations(plan: &Plan) -> BTreeSet<String> {
    plan.steps()
        .flat_map(|step| &step.locks)
        .map(|lock| lock.relation.short())
        .chain(
            plan.fingerprint
                .keys()
                .map(|name| name.strip_prefix("public.").unwrap_or(name).to_owned()),
        )
        .collect()
}
