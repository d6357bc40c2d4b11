//! One migration whose turn it is: planned on the live catalog, stored, and handed to the driver.
//!
//! A plan that is stored is run as it is; it is never made anew.

use std::collections::BTreeSet;

use crate::{
    catalog::Catalog,
    db::Session,
    effects::LockMode,
    execute::{
        Runner,
        apply::{
            ApplyError, ApplyRequest, MigrationFile, Through,
            order::{self, Unplanned},
        },
        checks,
        drift::{self, MadeFrom},
        driver::Driver,
        error::ExecuteError,
        event::EventKind,
        journal::{Edge, Journal, MigrationRecord, MigrationState, Queue, Start},
        lease::{Lease, holder},
        machine::Goal,
        made, throttle,
    },
    ident::{ObjectName, QualifiedName},
    parse::{
        DirectiveKind, Expr, PhaseName, StatementKind,
        statement::{AlterActionKind, ColumnAction},
    },
    plan::{Plan, PlanInput, PlanSettings, Planned, Step, StepKind, Verb, plan},
};

/// One migration whose turn it is.
pub(super) struct Turn<'a> {
    pub(super) runner: &'a Runner,
    pub(super) session: &'a mut Session,
    pub(super) journal: &'a Journal,
    pub(super) files: &'a [MigrationFile],
    pub(super) file: &'a MigrationFile,
    pub(super) request: &'a ApplyRequest,
}

/// Takes one migration to a goal, under its lease.
pub(super) async fn one(
    turn: &mut Turn<'_>,
    goal: PhaseName,
) -> Result<MigrationState, ApplyError> {
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
        .filter(|record| {
            !matches!(
                record.state,
                MigrationState::RolledBack | MigrationState::Queued | MigrationState::Pending
            )
        });
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
            made::refuse(turn.session, &record).await?;
            let plan = stored_plan(&record)?;
            order::contract_in_order(turn, &plan, record.state, goal).await?;
            plan
        }
        None => take_up(turn, &runner, lease).await?,
    };
    let mut driver = Driver::open(&runner, turn.journal, lease, plan).await?;
    driver.drift = turn.request.drift;
    driver.made_from = Some(MadeFrom {
        file,
        settings: &turn.request.plan,
    });
    let reached = driver.run(Goal::Apply(goal)).await?;
    if reached == MigrationState::Migrated
        && turn.request.through == Through::Default
        && nothing_to_contract(&driver.plan)
    {
        return Ok(driver.run(Goal::Apply(PhaseName::Contract)).await?);
    }
    Ok(reached)
}

/// Whether contract would do nothing and end no application: then nobody has to be waited for.
pub(super) fn nothing_to_contract(plan: &Plan) -> bool {
    let steps = plan
        .phases
        .iter()
        .filter(|phase| phase.phase == PhaseName::Contract)
        .all(|phase| phase.steps.is_empty());
    let breaks = plan
        .compat
        .iter()
        .any(|boundary| boundary.after == PhaseName::Contract && !boundary.old);
    steps && !breaks
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
    if let Err(error) = order::behind_others(turn, Unplanned::BesideStandIns).await {
        return Err(queue(turn, lease, error).await?.into());
    }
    let patience = runner.patience();
    let catalog = patience
        .catalog(turn.session, &runner.settings.journal_schema)
        .await?;
    let planned = plan_file(turn.file, &catalog, &turn.request.plan);
    if planned.refused() {
        // What stands against it may be there only until another is through.
        if let Err(error) = order::behind_others(turn, Unplanned::Refused).await {
            return Err(queue(turn, lease, error).await?.into());
        }
        return Err(ApplyError::Plan {
            migration: turn.file.name.clone(),
            diagnostics: planned.diagnostics,
        });
    }
    let plan = planned.plan;
    let order = match order::of(turn, &plan).await {
        Ok(order) => order,
        Err(error) => return Err(queue(turn, lease, error).await?.into()),
    };
    preflight(runner, turn.session, turn.file, &catalog, &plan).await?;
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
    // Another run may have taken up what shares something at the same moment: whoever sees the
    // other lets go, and nothing was run yet.
    if let Err(error) = order::of(turn, &plan).await {
        let error = queue(turn, lease, error).await?;
        if !matches!(error, ExecuteError::Queued { .. }) {
            let back = MigrationState::RolledBack;
            let id = &plan.migration.id;
            turn.journal
                .set_state(turn.session, id, back, lease)
                .await?;
        }
        return Err(error.into());
    }
    let session = &mut *turn.session;
    let original = drift::shapes(&catalog, &plan);
    journal
        .boundary(session, PhaseName::Expand, Edge::Started, &original, lease)
        .await?;
    runner.events.emit(
        None,
        EventKind::PhaseStarted {
            phase: PhaseName::Expand,
        },
    );
    Ok(plan)
}

/// Notes down what a migration waits for, when that is why it cannot be taken up; the error again.
async fn queue(
    turn: &mut Turn<'_>,
    lease: &Lease,
    error: ExecuteError,
) -> Result<ExecuteError, ExecuteError> {
    if let ExecuteError::Queued {
        behind, message, ..
    } = &error
    {
        let file = turn.file;
        let queued = Queue {
            name: &file.name.name,
            checksum: &file.checksum,
            source: &file.source,
            behind,
            why: message,
        };
        turn.journal.queue(turn.session, queued, lease).await?;
    }
    Ok(error)
}

/// Looks at the database before anything is changed: privileges, publications, row security.
async fn preflight(
    runner: &Runner,
    session: &mut Session,
    file: &MigrationFile,
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
            StepKind::Batches { batches } => match batches.verb {
                Verb::Update | Verb::Delete => Some(batches.table.clone()),
                Verb::Insert | Verb::Merge => None,
            },
            _ => None,
        })
        .collect();
    let tables: Vec<ObjectName> = tables.into_iter().collect();
    let reshaped: Vec<ObjectName> = plan
        .steps()
        .filter_map(|step| match &step.kind {
            StepKind::Backfill { backfill } => Some(backfill.table.clone()),
            _ => None,
        })
        .collect();
    let backfilled: Vec<ObjectName> = backfilled.into_iter().collect();
    let scope = checks::Scope {
        tables: &tables,
        reshaped: &reshaped,
        backfilled: &backfilled,
        needs: &needs(plan),
        functions: &called(file),
        journal_schema: &runner.settings.journal_schema,
        role: runner.settings.role.as_ref(),
        without_monitor: runner.settings.without_monitor,
        watches: runner.throttle.without_monitor == throttle::WithoutMonitor::Refuse
            && plan.steps().any(|step| {
                matches!(
                    step.kind,
                    StepKind::Backfill { .. } | StepKind::Batches { .. }
                )
            }),
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

/// The rights on rows that the steps of a plan need, beyond those that statements of the file have
/// to bring themselves.
fn needs(plan: &Plan) -> Vec<checks::Need> {
    let mut needs: BTreeSet<checks::Need> = BTreeSet::new();
    for step in plan.steps() {
        let (table, privileges, by): (_, &[checks::Privilege], _) = match &step.kind {
            StepKind::Backfill { backfill } => (
                &backfill.table,
                &[checks::Privilege::Select, checks::Privilege::Update],
                checks::By::Role,
            ),
            StepKind::Batches { batches } => match batches.verb {
                Verb::Update | Verb::Merge => (
                    &batches.table,
                    &[checks::Privilege::Select, checks::Privilege::Update],
                    checks::By::Role,
                ),
                Verb::Delete => (
                    &batches.table,
                    &[checks::Privilege::Select, checks::Privilege::Delete],
                    checks::By::Role,
                ),
                Verb::Insert => continue,
            },
            StepKind::Verify { verify } => (
                &verify.table,
                &[checks::Privilege::Select],
                checks::By::Connection,
            ),
            StepKind::Ddl
            | StepKind::LongDdl
            | StepKind::Bare
            | StepKind::CreateIndex { .. }
            | StepKind::DropIndex { .. }
            | StepKind::Reindex { .. }
            | StepKind::Rows { .. }
            | StepKind::WaitForSnapshots => continue,
        };
        needs.extend(privileges.iter().map(|privilege| checks::Need {
            table: table.clone(),
            privilege: *privilege,
            by,
        }));
    }
    needs.into_iter().collect()
}

/// The functions in expressions that a sync trigger may run: of `up` and `down`, of UPDATE, and of
/// USING.
fn called(file: &MigrationFile) -> Vec<QualifiedName> {
    let script = &file.script;
    let own = script
        .statements
        .iter()
        .flat_map(|statement| &statement.directives);
    let mut expressions: Vec<&Expr> = script
        .file_directives
        .iter()
        .chain(own)
        .filter_map(|directive| match &directive.kind {
            DirectiveKind::Up { expr, .. } | DirectiveKind::Down { expr, .. } => Some(expr),
            _ => None,
        })
        .collect();
    for statement in &script.statements {
        match &statement.kind {
            StatementKind::Update(update) => {
                expressions.extend(update.assignments.iter().flatten().map(|(_, expr)| expr));
            }
            StatementKind::AlterRelation(alter) => {
                expressions.extend(
                    alter
                        .actions
                        .iter()
                        .filter_map(|action| match &action.kind {
                            AlterActionKind::AlterColumn {
                                action: ColumnAction::Type { using, .. },
                                ..
                            } => using.as_ref(),
                            _ => None,
                        }),
                );
            }
            _ => {}
        }
    }
    expressions
        .into_iter()
        .flat_map(|expr| expr.functions.iter().cloned())
        .collect()
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
