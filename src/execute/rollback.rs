//! `zdm rollback`: back to before expand, keeping every write of a client.

use crate::{
    db::Session,
    execute::{
        Runner,
        apply::{order::refuse_if_depended_on, stored_plan},
        drift::partitions,
        driver::{Absent, Consent, Driver, connect, rows_found},
        error::ExecuteError,
        journal::{Journal, MigrationRecord, MigrationState, MigrationSummary, StepState},
        lease::{Lease, holder},
        machine::Goal,
        made,
    },
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
        Some(id) => all.iter().find(|summary| summary.id == id),
        None => all.iter().rev().find(|summary| in_flight(summary.state)),
    };
    let Some(chosen) = chosen else {
        return Err(nothing());
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

fn nothing() -> ExecuteError {
    ExecuteError::Refused {
        code: "nothing-to-roll-back",
        message: "no migration is in flight".to_owned(),
        next: "Run zdm status to see where each migration stands; zdm rollback ID takes back one \
               that is done, where that is still possible."
            .to_owned(),
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
    // Said before anything is taken back: a rollback that stops half-way helps nobody.
    if record.state != MigrationState::RollingBack && consent == Consent::None {
        let done = |id: &str| {
            record
                .step(id)
                .is_some_and(|step| !matches!(step.state, StepState::Pending | StepState::Undone))
        };
        let mut losses = losses(&mut watch, &plan, done).await?;
        losses.extend(changed_rows(&plan, &record));
        let mut help = "Save what is listed, or consent to its loss: zdm rollback --yes.";
        if way.absent == Absent::PassedOver {
            losses.extend(unsynchronised(&mut watch, &plan).await?);
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
    driver.run(Goal::Rollback).await
}

/// Rows in which both shapes differ, now that a trigger may be gone: those of the new shape would
/// go, one line for each table.
async fn unsynchronised(session: &mut Session, plan: &Plan) -> Result<Vec<String>, ExecuteError> {
    let mut lines = Vec::new();
    for verify in &plan.verify {
        match rows_found(session, verify).await {
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
    session: &mut Session,
    plan: &Plan,
    done: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ExecuteError> {
    let mut losses = Vec::new();
    for step in plan.steps().filter(|step| done(&step.id)) {
        for loses in step.undo.iter().filter_map(|undo| undo.loses.as_ref()) {
            match rows_found(session, loses).await {
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
