//! `zdm rollback`: back to before expand, keeping every write of a client.

use crate::{
    db::Session,
    execute::{
        Runner,
        apply::{order::refuse_if_depended_on, stored_plan},
        drift::{detached, partitions},
        driver::{Absent, Consent, Driver, connect, progress, rows_found},
        error::ExecuteError,
        journal::{Journal, MigrationRecord, MigrationState, MigrationSummary, StepState},
        lease::{Lease, holder},
        machine::{self, Action, Goal},
        made,
        patience::Patience,
    },
    ident::Ident,
    plan::{Plan, StepKind, Verb},
};

/// Takes one migration back; without an id the newest in flight. Returns which.
pub async fn rollback(
    runner: &Runner,
    id: Option<&str>,
    consent: Consent,
) -> Result<MigrationSummary, ExecuteError> {
    let mut session = connect(&runner.target, "rollback").await?;
    let journal = Journal::open(&mut session, &runner.settings.journal_schema)
        .await?
        .journal()?
        .ok_or_else(nothing)?;
    let all = journal.migrations(&mut session).await?;
    let chosen = match id {
        Some(id) => all
            .iter()
            .find(|summary| summary.id == id)
            .ok_or_else(|| unknown(id))?,
        None => newest(&mut session, &journal, &all).await?,
    };
    let way = Way {
        consent,
        absent: Absent::Refused,
        all: &all,
    };
    take_back(runner, &mut session, &journal, &chosen.id, way).await?;
    Ok(MigrationSummary {
        state: MigrationState::RolledBack,
        ..chosen.clone()
    })
}

/// Takes back what is left of a migration of whose objects some are gone.
pub(in crate::execute) async fn take_back_remains(
    runner: &Runner,
    session: &mut Session,
    journal: &Journal,
    id: &str,
    consent: Consent,
) -> Result<(), ExecuteError> {
    let way = Way {
        consent,
        absent: Absent::PassedOver,
        all: &[],
    };
    take_back(runner, session, journal, id, way).await
}

/// How a migration is taken back.
#[derive(Clone, Copy)]
struct Way<'a> {
    consent: Consent,
    absent: Absent,
    /// Every migration that may stand on it.
    all: &'a [MigrationSummary],
}

async fn take_back(
    runner: &Runner,
    session: &mut Session,
    journal: &Journal,
    id: &str,
    way: Way<'_>,
) -> Result<(), ExecuteError> {
    let lease = Lease::acquire(
        &runner.target,
        journal,
        id,
        &holder(runner.started),
        session.pid(),
        &runner.settings.lease,
    )
    .await?;
    let result = back(runner, journal, &lease, way).await;
    lease.release().await;
    result.map(drop)
}

/// What is meant without an id: the newest in flight.
///
/// One that had nothing to do in contract is done as soon as it is migrated, and whoever has just
/// run it means it: it is named, and not passed over in favour of an older one that is in flight.
async fn newest<'a>(
    session: &mut Session,
    journal: &Journal,
    all: &'a [MigrationSummary],
) -> Result<&'a MigrationSummary, ExecuteError> {
    let candidate = all
        .iter()
        .rev()
        .find(|summary| in_flight(summary.state) || summary.state == MigrationState::Done);
    let in_flight = all.iter().rev().find(|summary| in_flight(summary.state));
    match (candidate, in_flight) {
        (Some(newest), Some(older)) if newest.state == MigrationState::Done => {
            if way_back(session, journal, newest).await? != WayBack::Open {
                return Ok(older);
            }
            Err(ExecuteError::Refused {
                code: "rollback-ambiguous",
                message: format!(
                    "{} ({}) is the newest in flight, but {} ({}) was started after it, is done, \
                     and can be taken back too",
                    older.id, older.name, newest.id, newest.name
                ),
                next: format!(
                    "Say which: zdm rollback {}, or zdm rollback {}.",
                    newest.id, older.id
                ),
            })
        }
        (Some(newest), None) => {
            let (said, next) = match way_back(session, journal, newest).await? {
                WayBack::Open => (
                    "can be taken back",
                    format!("Run zdm rollback {}.", newest.id),
                ),
                WayBack::NoPlan => (
                    "was run plainly, so that nothing tells how to take it back",
                    format!("Undo {} by a new migration.", newest.id),
                ),
                WayBack::Closed => (
                    "cannot be taken back, since contract has taken away something",
                    format!("Undo {} by a new migration.", newest.id),
                ),
            };
            Err(ExecuteError::Refused {
                code: "nothing-to-roll-back",
                message: format!(
                    "no migration is in flight; {} ({}), the last that was done, {said}",
                    newest.id, newest.name
                ),
                next,
            })
        }
        (_, Some(in_flight)) => Ok(in_flight),
        (None, None) => Err(nothing()),
    }
}

/// Whether a migration that is done can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayBack {
    Open,
    /// It was run without a plan.
    NoPlan,
    /// A contract step that cannot be undone has been committed.
    Closed,
}

async fn way_back(
    session: &mut Session,
    journal: &Journal,
    summary: &MigrationSummary,
) -> Result<WayBack, ExecuteError> {
    let Some(record) = journal.load(session, &summary.id).await? else {
        return Ok(WayBack::NoPlan);
    };
    let Some(plan) = &record.plan else {
        return Ok(WayBack::NoPlan);
    };
    Ok(
        match machine::next(plan, &progress(&record), Goal::Rollback, None) {
            Action::Refuse(_) => WayBack::Closed,
            _ => WayBack::Open,
        },
    )
}

fn nothing() -> ExecuteError {
    ExecuteError::Refused {
        code: "nothing-to-roll-back",
        message: "no migration is in flight, and none was done by zdm".to_owned(),
        next: "Run zdm status to see where each migration stands.".to_owned(),
    }
}

fn unknown(id: &str) -> ExecuteError {
    ExecuteError::Refused {
        code: "nothing-to-roll-back",
        message: format!("{id} has not been started"),
        next: "Run zdm status to see where each migration stands.".to_owned(),
    }
}

/// Whether a migration has been started and is not at its end.
pub fn in_flight(state: MigrationState) -> bool {
    match state {
        MigrationState::Expanding
        | MigrationState::Expanded
        | MigrationState::Migrating
        | MigrationState::Migrated
        | MigrationState::Contracting
        | MigrationState::RollingBack => true,
        MigrationState::Pending
        | MigrationState::Queued
        | MigrationState::Done
        | MigrationState::RolledBack
        | MigrationState::Adopted
        | MigrationState::Failed => false,
    }
}

async fn back(
    runner: &Runner,
    journal: &Journal,
    lease: &Lease,
    way: Way<'_>,
) -> Result<MigrationState, ExecuteError> {
    let consent = way.consent;
    let mut runner = runner.clone();
    runner.events = runner.events.for_migration(lease.migration());
    let mut watch = connect(&runner.target, "watch").await?;
    let record = journal
        .load(&mut watch, lease.migration())
        .await?
        .ok_or_else(nothing)?;
    let plan = stored_plan(&record)?;
    if record.state != MigrationState::RollingBack && way.absent == Absent::Refused {
        made::refuse(&mut watch, &record).await?;
        refuse_if_depended_on(&mut watch, journal, way.all, &plan).await?;
    }
    let detached = match record.state {
        MigrationState::Contracting | MigrationState::Done => Vec::new(),
        _ if !detached::has_partitions(&record.boundaries) => Vec::new(),
        _ => {
            let schema = &runner.settings.journal_schema;
            let catalog = runner.patience().catalog(&mut watch, schema).await?;
            detached::left(&record.boundaries, &catalog)
        }
    };
    // Said before anything is taken back: a rollback that stops half-way helps nobody.
    if record.state != MigrationState::RollingBack && consent == Consent::None {
        let done = |id: &str| {
            record
                .step(id)
                .is_some_and(|step| !matches!(step.state, StepState::Pending | StepState::Undone))
        };
        let patience = runner.patience();
        let mut losses = losses(&patience, &mut watch, &plan, done).await?;
        losses.extend(changed_rows(&plan, &record));
        losses.extend(
            detached
                .iter()
                .filter(|left| !left.columns.is_empty())
                .map(|left| {
                    let columns: Vec<String> = left.columns.iter().map(Ident::quoted).collect();
                    format!(
                        "{}, which was detached, loses {}",
                        left.table.short(),
                        columns.join(", ")
                    )
                }),
        );
        let mut help = "Save what is listed, or consent to its loss: zdm rollback --yes.";
        if way.absent == Absent::PassedOver {
            losses.extend(unsynchronised(&patience, &mut watch, &plan).await?);
            help = "Save what is listed, or consent to its loss: zdm adopt --copy --yes.";
        }
        if !losses.is_empty() {
            return Err(ExecuteError::RowsFound {
                step: "rollback".to_owned(),
                count: i64::try_from(losses.len()).unwrap_or(i64::MAX),
                message: losses.join("\n"),
                sample: Vec::new(),
                help: help.to_owned(),
            });
        }
    }
    let dropped = partitions::dropped(&mut watch, &record).await?;
    let mut driver = Driver::open(&runner, journal, lease, plan).await?;
    driver.consent = consent;
    driver.absent = if dropped.is_empty() {
        way.absent
    } else {
        // Their share went with them.
        Absent::PassedOver
    };
    for left in &detached {
        driver.clean(left).await?;
    }
    driver.run(Goal::Rollback).await
}

/// Rows in which both shapes differ, now that a trigger may be gone: those of the new shape would
/// go, one line for each table.
async fn unsynchronised(
    patience: &Patience<'_>,
    session: &mut Session,
    plan: &Plan,
) -> Result<Vec<String>, ExecuteError> {
    let mut lines = Vec::new();
    for verify in &plan.verify {
        match rows_found(patience, session, verify).await {
            Ok(Some((count, _))) => {
                lines.push(verify.message.replace("{count}", &count.to_string()));
            }
            // None; or one of the columns is gone.
            Ok(None) | Err(ExecuteError::Database { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(lines)
}

/// Rows that a statement of the migration has changed or deleted: they stay as they are, one line
/// for each statement. Rows that were added stay too, but nothing is lost by that.
fn changed_rows(plan: &Plan, record: &MigrationRecord) -> Vec<String> {
    let mut lines = Vec::new();
    // One that can be taken back filled a column which goes.
    for step in plan.steps().filter(|step| !step.reversible) {
        let (verb, rows) = match &step.kind {
            StepKind::Rows { verb } => {
                let done = record
                    .step(&step.id)
                    .is_some_and(|step| step.state == StepState::Done);
                (*verb, done.then_some("what".to_owned()))
            }
            StepKind::Batches { batches } => {
                let rows: i64 = record
                    .backfills
                    .iter()
                    .filter(|backfill| backfill.step_id == step.id)
                    .map(|backfill| backfill.rows_done)
                    .max()
                    .unwrap_or(0);
                (
                    batches.verb,
                    (rows > 0).then(|| format!("{rows} rows that")),
                )
            }
            StepKind::Ddl
            | StepKind::LongDdl
            | StepKind::Bare
            | StepKind::CreateIndex { .. }
            | StepKind::DropIndex { .. }
            | StepKind::Reindex { .. }
            | StepKind::Backfill { .. }
            | StepKind::Verify { .. }
            | StepKind::WaitForSnapshots => continue,
        };
        let stays = match verb {
            Verb::Update | Verb::Merge => "stays changed",
            Verb::Delete => "stays deleted",
            Verb::Insert => continue,
        };
        if let Some(what) = rows {
            let title = &step.title;
            let verb = verb.done();
            lines.push(format!("{what} `{title}` {verb} {stays}"));
        }
    }
    lines
}

/// What going back would lose, one line each.
pub async fn losses(
    patience: &Patience<'_>,
    session: &mut Session,
    plan: &Plan,
    done: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ExecuteError> {
    let mut losses = Vec::new();
    for step in plan.steps().filter(|step| done(&step.id)) {
        for loses in step.undo.iter().filter_map(|undo| undo.loses.as_ref()) {
            match rows_found(patience, session, loses).await {
                Ok(Some((count, _))) => {
                    losses.push(loses.message.replace("{count}", &count.to_string()));
                }
                // Nothing; or the step was interrupted before it made what is counted.
                Ok(None) | Err(ExecuteError::Database { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(losses)
}
