//! Events of a run: one JSON object per line, or one plain line for people.
//!
//! Plain lines are for logs and pipes; on a terminal [`crate::progress`] draws bars instead.

use std::fmt::Write as _;

use crate::{
    execute::event::{BlockerInfo, Event, EventKind},
    report::{count, duration, json, thousands},
};

/// One event as a line of JSON, the line break included.
pub fn json_line(event: &Event) -> String {
    json::line(event)
}

/// One event in words, behind its migration and step; without a line break at the end.
pub fn line(event: &Event) -> String {
    let mut out = event.migration.clone();
    if let Some(step) = &event.step {
        let _ = write!(out, " {step}");
    }
    if !out.is_empty() {
        out.push_str(": ");
    }
    out.push_str(&in_words(&event.kind));
    out
}

/// What happened, in words; blockers stand in lines of their own.
pub fn in_words(kind: &EventKind) -> String {
    match kind {
        EventKind::PhaseStarted { phase } => format!("{} begins", phase.as_str()),
        EventKind::PhaseDone { phase } => format!("{} is done", phase.as_str()),
        EventKind::StepStarted { title, attempt: 1 } => title.clone(),
        EventKind::StepStarted { title, attempt } => format!("{title} (attempt {attempt})"),
        EventKind::StepDone { took_ms } => format!("done in {}", duration(*took_ms)),
        EventKind::StepSkipped { why } => format!("nothing to do: {why}"),
        EventKind::StepFailed { message } => format!("failed: {message}"),
        EventKind::Waiting { what, blockers } => {
            with_blockers(format!("waits for {what}"), blockers)
        }
        EventKind::LockAcquired {
            relations,
            waited_ms,
            attempts,
        } => format!(
            "locked {} after {}; nobody waited behind zdm for longer than {}",
            relations.join(", "),
            count(u64::from(*attempts), "attempt"),
            duration(*waited_ms)
        ),
        EventKind::LockMissed {
            relation,
            attempt,
            waited_ms,
        } => format!(
            "attempt {attempt}: no lock on {} within {}; released everything, trying again",
            relation.as_deref().unwrap_or("the tables"),
            duration(*waited_ms)
        ),
        EventKind::LockHeld { held_ms } => format!("locks released after {}", duration(*held_ms)),
        EventKind::IndexProgress { phase, done, total } => {
            if *total == 0 {
                phase.clone()
            } else {
                format!("{phase}: {} of {}", thousands(*done), thousands(*total))
            }
        }
        EventKind::BackfillProgress {
            relation,
            rows_done,
            rows_total,
            rows_per_second,
            eta_ms,
            ..
        } => {
            let mut out = format!(
                "{relation}: {} of about {} rows, {}/s",
                thousands(*rows_done),
                thousands(*rows_total),
                rate(*rows_per_second)
            );
            if let Some(eta) = eta_ms {
                let _ = write!(out, ", about {} left", duration(*eta));
            }
            out
        }
        EventKind::BackfillWaiting { why } => format!("makes way: {why}"),
        EventKind::Stopped { why } => format!("stopped at a safe point: {why}"),
        EventKind::Resumed => "goes on where an earlier run ended".to_owned(),
        EventKind::RollbackStarted => "rollback begins".to_owned(),
        EventKind::RollbackDone => {
            "rolled back: as before expand, but for what was said to stay".to_owned()
        }
        EventKind::Refused { code, message } => format!("refused ({code}): {message}"),
        EventKind::Note { message } => message.clone(),
    }
}

/// Rows per second without a fraction.
pub fn rate(rows_per_second: f64) -> String {
    format!("{:.0}", rows_per_second.max(0.0))
        .parse::<u64>()
        .map_or_else(|_| "?".to_owned(), thousands)
}

fn with_blockers(mut out: String, blockers: &[BlockerInfo]) -> String {
    for blocker in blockers {
        let _ = write!(out, "\n  {}", blocker.in_words());
    }
    out
}
