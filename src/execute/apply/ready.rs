//! What is due: how far each migration is to be taken, and why one that is asked for is not.
//!
//! A phase that is asked for by name runs for what has ended the phase before it. When nothing has,
//! although something is in flight, that is a refusal and not a success with nothing to do: whoever
//! deploys on it must not take the old shape for gone.

use crate::{
    db::Session,
    execute::{
        apply::{ApplyRequest, MigrationFile, Through, order::command, position},
        error::ExecuteError,
        journal::{Journal, MigrationState, MigrationSummary},
    },
    parse::PhaseName,
};

/// How far a migration in this state is to be taken; `None` when it is left alone.
pub(super) fn goal(state: MigrationState, request: &ApplyRequest) -> Option<PhaseName> {
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

/// The phase that has to be over before another begins.
fn before(phase: PhaseName) -> Option<PhaseName> {
    match phase {
        PhaseName::Expand => None,
        PhaseName::Migrate => Some(PhaseName::Expand),
        PhaseName::Contract => Some(PhaseName::Migrate),
    }
}

/// Whether nothing stands in the way of this phase, or it is over.
fn reached(state: MigrationState, phase: PhaseName) -> bool {
    match state {
        MigrationState::Done | MigrationState::Adopted | MigrationState::Contracting => true,
        MigrationState::Failed | MigrationState::RollingBack => false,
        MigrationState::Pending | MigrationState::Queued | MigrationState::RolledBack => {
            before(phase).is_none()
        }
        MigrationState::Expanding
        | MigrationState::Expanded
        | MigrationState::Migrating
        | MigrationState::Migrated => {
            before(phase).is_none_or(|before| state.phase_ended().is_some_and(|end| end >= before))
        }
    }
}

/// Refuses a phase that is asked for by name before its turn.
pub(super) async fn too_early(
    session: &mut Session,
    journal: &Journal,
    all: &[MigrationSummary],
    id: &str,
    through: Through,
) -> Result<(), ExecuteError> {
    let Through::Phase(phase) = through else {
        return Ok(());
    };
    let Some(summary) = all.iter().find(|summary| summary.id == id) else {
        return if reached(MigrationState::Pending, phase) {
            Ok(())
        } else {
            Err(not_ready(id, MigrationState::Pending, phase))
        };
    };
    if reached(summary.state, phase) {
        return Ok(());
    }
    Err(why_not_ready(session, journal, all, summary, phase).await?)
}

/// Refuses a phase that was asked for without a name, when none was ready for it and one is in
/// flight. Pending ones have not been begun, so nothing of theirs can be meant.
pub(super) async fn refuse_if_nothing_is_ready(
    session: &mut Session,
    journal: &Journal,
    files: &[MigrationFile],
    request: &ApplyRequest,
) -> Result<(), ExecuteError> {
    let Through::Phase(phase) = request.through else {
        return Ok(());
    };
    let all = journal.migrations(session).await?;
    let end = request.to.as_ref().and_then(|to| position(files, to));
    for summary in &all {
        let asked = request.only.is_empty() || request.only.contains(&summary.id);
        let at = position(files, &summary.id);
        let beyond = end.is_some_and(|end| at.is_some_and(|at| at > end));
        let begun = match summary.state {
            MigrationState::Pending
            | MigrationState::RolledBack
            | MigrationState::Done
            | MigrationState::Adopted => false,
            MigrationState::Queued
            | MigrationState::Expanding
            | MigrationState::Expanded
            | MigrationState::Migrating
            | MigrationState::Migrated
            | MigrationState::Contracting
            | MigrationState::RollingBack
            | MigrationState::Failed => true,
        };
        if !asked || beyond || !begun {
            continue;
        }
        if at.is_none() {
            let id = &summary.id;
            return Err(ExecuteError::Refused {
                code: "unknown-migration",
                message: format!("{id} is {}, and the folder does not hold it", summary.state),
                next: format!("Put the file of {id} back, or run zdm rollback {id}."),
            });
        }
        if !reached(summary.state, phase) {
            return Err(why_not_ready(session, journal, &all, summary, phase).await?);
        }
    }
    Ok(())
}

/// The refusal of a phase whose turn it is not, and what has to come first.
async fn why_not_ready(
    session: &mut Session,
    journal: &Journal,
    all: &[MigrationSummary],
    summary: &MigrationSummary,
    phase: PhaseName,
) -> Result<ExecuteError, ExecuteError> {
    let behind = all.iter().find(|other| {
        summary.state == MigrationState::Queued
            && summary.queued_behind.as_ref() == Some(&other.id)
            && other.state.has_begun()
    });
    if let Some(other) = behind {
        let record = journal.load(session, &summary.id).await?;
        return Ok(ExecuteError::Queued {
            behind: other.id.clone(),
            message: record
                .and_then(|record| record.queued_why)
                .unwrap_or_else(|| format!("{} is queued behind {}", summary.id, other.id)),
            next: format!("Run {}.", command(other.state, &other.id)),
        });
    }
    Ok(not_ready(&summary.id, summary.state, phase))
}

fn not_ready(id: &str, state: MigrationState, phase: PhaseName) -> ExecuteError {
    let (message, next) = match (state, before(phase)) {
        (MigrationState::Failed, _) | (_, None) => (
            format!("{} of {id} cannot begin: {id} is {state}", phase.as_str()),
            format!("Run zdm status {id} to see why."),
        ),
        (MigrationState::RollingBack, _) => (
            format!("{} of {id} cannot begin: {id} is {state}", phase.as_str()),
            format!("Run {} first.", command(state, id)),
        ),
        (_, Some(before)) => (
            format!(
                "{} of {id} comes after {}, and {id} is {state}",
                phase.as_str(),
                before.as_str()
            ),
            // Migrate alone would refuse what has not been expanded.
            match state {
                MigrationState::Expanded | MigrationState::Migrating => {
                    format!("Run zdm apply {id} --phase {} first.", before.as_str())
                }
                _ => format!("Run zdm apply {id} first."),
            },
        ),
    };
    ExecuteError::Refused {
        code: "phase-order",
        message,
        next,
    }
}
