//! The figures of a demonstration, for people and programs alike.
//!
//! The types are the format of `zdm demo --format json`: fields may be added, never changed in
//! meaning. Times are in milliseconds, sizes in bytes.

use std::time::Duration;

use serde::Serialize;

use crate::{
    demo::{
        checks::{SchemaCheck, WritesCheck},
        latency::{Recorder, Stage, quantile},
    },
    execute::event::{Event, EventKind},
    parse::PhaseName,
};

/// What a demonstration measured and found.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// The version of the format.
    pub version: u32,
    /// The database that clients worked on.
    pub database: &'static str,
    /// The version of the server.
    pub pg_version: String,
    /// Rows of `users` at the start.
    pub rows: u64,
    /// Clients of each application.
    pub clients: u32,
    /// Requests that each client sends per second.
    pub rate: u32,
    /// The migration.
    pub migration: &'static str,
    /// What clients experienced.
    pub stages: Vec<StageFigures>,
    /// How the rows were filled.
    pub backfill: BackfillFigures,
    /// What the table takes up.
    pub table: TableFigures,
    /// Whether every acknowledged write is there.
    pub writes: WritesCheck,
    /// Whether the schema is that of plain execution.
    pub schema: SchemaCheck,
    /// The first failures that clients saw.
    pub failures: Vec<String>,
    /// Whether no request failed, no answer was wrong, and both checks hold.
    pub passed: bool,
}

/// What clients experienced in one stage.
#[derive(Debug, Clone, Serialize)]
pub struct StageFigures {
    /// Which.
    pub stage: Stage,
    /// The applications at work.
    pub applications: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// Requests, failed ones included.
    pub requests: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Reads that did not return the last acknowledged value.
    pub wrong_reads: u64,
    /// Half of the requests took at most this long.
    pub p50_ms: Option<f64>,
    /// Of a hundred requests ninety-nine took at most this long.
    pub p99_ms: Option<f64>,
    /// The longest request.
    pub max_ms: Option<f64>,
    /// How long a client can have waited behind one lock of zdm at most: the time zdm stood in the
    /// queue for it, and the time it held it. None where zdm took no lock that clients wait for.
    pub lock_wait_ms: Option<u64>,
}

/// How the rows were filled.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct BackfillFigures {
    /// Rows that the backfill wrote.
    pub rows: u64,
    /// How long it took.
    pub seconds: f64,
    /// The share of its updates that stayed on their pages and touched no index.
    pub hot_ratio: Option<f64>,
}

impl BackfillFigures {
    /// Rows per second, waits included.
    pub fn rows_per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate is shown in whole rows")]
        let rows = self.rows as f64;
        if self.seconds > 0.0 {
            rows / self.seconds
        } else {
            0.0
        }
    }
}

/// What the table takes up.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct TableFigures {
    /// Before expand.
    pub before: TableSize,
    /// After migrate, when the table is largest.
    pub after_migrate: TableSize,
    /// At the end.
    pub after: TableSize,
}

/// The size of a table.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct TableSize {
    /// Its rows.
    pub heap: u64,
    /// Its indexes.
    pub indexes: u64,
}

/// What clients experienced in a stage.
pub(super) fn stage(recorder: &Recorder, events: &[Event], stage: Stage) -> StageFigures {
    let mut samples = recorder.samples(stage);
    samples.latencies.sort_unstable();
    let at = |percent| quantile(&samples.latencies, percent).map(milliseconds);
    StageFigures {
        stage,
        applications: stage.applications(),
        seconds: samples.took.as_secs_f64(),
        requests: u64::try_from(samples.latencies.len()).unwrap_or(u64::MAX) + samples.errors,
        errors: samples.errors,
        wrong_reads: samples.wrong_reads,
        p50_ms: at(50),
        p99_ms: at(99),
        max_ms: at(100),
        lock_wait_ms: match stage {
            Stage::Expand => lock_wait(events, PhaseName::Expand),
            Stage::Migrate => lock_wait(events, PhaseName::Migrate),
            Stage::Contract => lock_wait(events, PhaseName::Contract),
            Stage::Calm | Stage::Both | Stage::After => None,
        },
    }
}

fn milliseconds(duration: Duration) -> f64 {
    // Three digits after the point: clocks are not better than that.
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// How long a client can have waited behind one lock of a phase at most. Nobody waits in the queue
/// behind zdm for longer than zdm waits in it, and then for as long as it holds the lock.
pub(super) fn lock_wait(events: &[Event], phase: PhaseName) -> Option<u64> {
    let mut present = None;
    let mut longest = None;
    let mut queued = 0;
    for event in events {
        let waited = match &event.kind {
            EventKind::PhaseStarted { phase } => {
                present = Some(*phase);
                continue;
            }
            EventKind::LockMissed { waited_ms, .. } => *waited_ms,
            EventKind::LockAcquired { waited_ms, .. } => {
                queued = *waited_ms;
                queued
            }
            EventKind::LockHeld { held_ms } => std::mem::take(&mut queued) + held_ms,
            _ => continue,
        };
        if present == Some(phase) {
            longest = longest.max(Some(waited));
        }
    }
    longest
}

/// How the rows were filled, as the events tell.
pub(super) fn backfill(events: &[Event]) -> BackfillFigures {
    let mut figures = BackfillFigures::default();
    let mut last: Option<(&str, u64)> = None;
    for event in events {
        match (&event.kind, event.step.as_deref()) {
            (
                EventKind::BackfillProgress {
                    rows_done,
                    hot_ratio,
                    ..
                },
                Some(step),
            ) => {
                last = Some((step, *rows_done));
                figures.hot_ratio = hot_ratio.or(figures.hot_ratio);
            }
            (EventKind::StepDone { took_ms }, Some(step)) => {
                if let Some((_, rows)) = last.take_if(|(filled, _)| *filled == step) {
                    figures.rows += rows;
                    figures.seconds += Duration::from_millis(*took_ms).as_secs_f64();
                }
            }
            _ => {}
        }
    }
    figures
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::execute::Events;

    fn events(kinds: Vec<EventKind>) -> Vec<Event> {
        let (events, mut receiver) = Events::channel("1", || Timestamp::UNIX_EPOCH);
        for kind in kinds {
            events.emit(Some("migrate-1"), kind);
        }
        std::iter::from_fn(|| receiver.try_recv().ok()).collect()
    }

    #[test]
    fn a_client_waits_for_the_queue_and_for_the_lock() {
        let told = events(vec![
            EventKind::PhaseStarted {
                phase: PhaseName::Expand,
            },
            EventKind::LockMissed {
                relation: None,
                attempt: 1,
                waited_ms: 9,
            },
            EventKind::LockAcquired {
                relations: Vec::new(),
                waited_ms: 5,
                attempts: 2,
            },
            EventKind::LockHeld { held_ms: 6 },
            EventKind::PhaseStarted {
                phase: PhaseName::Contract,
            },
            EventKind::LockHeld { held_ms: 2 },
        ]);
        assert_eq!(lock_wait(&told, PhaseName::Expand), Some(11));
        assert_eq!(lock_wait(&told, PhaseName::Migrate), None);
        assert_eq!(lock_wait(&told, PhaseName::Contract), Some(2));
    }

    #[test]
    fn the_last_progress_of_a_step_counts_once_it_is_done() {
        let progress = |rows_done| EventKind::BackfillProgress {
            relation: "users".into(),
            rows_done,
            rows_total: 500,
            pages_done: 0,
            pages_total: 0,
            rows_per_second: 0.0,
            eta_ms: None,
            window_pages: 1,
            passes: 1,
            hot_ratio: Some(0.9),
        };
        let told = events(vec![
            progress(100),
            progress(500),
            EventKind::StepDone { took_ms: 2000 },
            EventKind::StepDone { took_ms: 9000 },
        ]);
        let figures = backfill(&told);
        assert_eq!(figures.rows, 500);
        assert!((figures.rows_per_second() - 250.0).abs() < 0.01);
    }
}
