//! What clients experience, stage by stage.
//!
//! Every request is counted in the stage in which it was sent. Times are kept as they are, not in
//! buckets: a demonstration has few enough. Next: [`super::figures`] makes figures of them.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::Serialize;

/// The stages of a demonstration, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Old clients alone, before anything.
    Calm,
    /// Expand runs; old clients.
    Expand,
    /// Migrate runs; old clients.
    Migrate,
    /// Nothing runs; old and new clients.
    Both,
    /// Contract runs; new clients.
    Contract,
    /// New clients alone, after everything.
    After,
}

impl Stage {
    /// All, in order.
    pub const ALL: [Self; 6] = [
        Self::Calm,
        Self::Expand,
        Self::Migrate,
        Self::Both,
        Self::Contract,
        Self::After,
    ];

    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Expand => "expand",
            Self::Migrate => "migrate",
            Self::Both => "both",
            Self::Contract => "contract",
            Self::After => "after",
        }
    }

    /// The applications at work.
    pub fn applications(self) -> &'static str {
        match self {
            Self::Calm | Self::Expand | Self::Migrate => "old",
            Self::Both => "old and new",
            Self::Contract | Self::After => "new",
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// Collects what clients tell.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    stage: Option<(Stage, Instant)>,
    stages: [Samples; Stage::ALL.len()],
}

/// What happened in one stage.
#[derive(Debug, Clone, Default)]
pub(super) struct Samples {
    /// How long it took.
    pub(super) took: Duration,
    /// How long each successful request took, in no order.
    pub(super) latencies: Vec<Duration>,
    /// The requests that failed.
    pub(super) errors: u64,
    /// The reads that did not return the last acknowledged value.
    pub(super) wrong_reads: u64,
    /// The first few failures, in words.
    pub(super) messages: Vec<String>,
}

/// How many failures of a stage are kept in words.
const MESSAGES: usize = 5;

/// How a request ended.
#[derive(Debug)]
pub(super) enum Outcome {
    /// As it should.
    Good(Duration),
    /// It returned something other than what was acknowledged last.
    Wrong(Duration, String),
    /// The server, or the connection, failed.
    Failed(String),
}

impl Recorder {
    /// From now on requests belong to this stage.
    pub(super) fn enter(&self, stage: Stage) {
        let mut inner = self.inner();
        inner.leave();
        inner.stage = Some((stage, Instant::now()));
    }

    /// The present stage ends.
    pub(super) fn leave(&self) {
        self.inner().leave();
    }

    /// The stage that a request sent now belongs to.
    pub(super) fn stage(&self) -> Stage {
        self.inner().stage.map_or(Stage::Calm, |(stage, _)| stage)
    }

    /// Counts a request.
    pub(super) fn count(&self, stage: Stage, outcome: Outcome) {
        let mut inner = self.inner();
        let samples = &mut inner.stages[stage.index()];
        let message = match outcome {
            Outcome::Good(took) => {
                samples.latencies.push(took);
                return;
            }
            Outcome::Wrong(took, message) => {
                samples.latencies.push(took);
                samples.wrong_reads += 1;
                message
            }
            Outcome::Failed(message) => {
                samples.errors += 1;
                message
            }
        };
        if samples.messages.len() < MESSAGES {
            samples.messages.push(message);
        }
    }

    /// What happened in a stage.
    pub(super) fn samples(&self, stage: Stage) -> Samples {
        self.inner().stages[stage.index()].clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn leave(&mut self) {
        if let Some((stage, since)) = self.stage.take() {
            self.stages[stage.index()].took += since.elapsed();
        }
    }
}

/// The value that this share of the sorted values does not exceed (nearest rank).
pub(super) fn quantile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(quantile(&sorted, 50), Some(Duration::from_millis(100)));
        assert_eq!(quantile(&sorted, 99), Some(Duration::from_millis(198)));
        assert_eq!(quantile(&sorted[..1], 99), Some(Duration::from_millis(1)));
        assert_eq!(quantile(&[], 50), None);
    }

    #[test]
    fn requests_are_counted_in_their_stage() {
        let recorder = Recorder::default();
        recorder.enter(Stage::Expand);
        let stage = recorder.stage();
        recorder.enter(Stage::Migrate);
        recorder.count(stage, Outcome::Failed("no such column".into()));
        recorder.count(stage, Outcome::Wrong(Duration::ZERO, "other".into()));
        let expand = recorder.samples(Stage::Expand);
        assert_eq!((expand.errors, expand.wrong_reads), (1, 1));
        assert_eq!(expand.messages, ["no such column", "other"]);
        assert_eq!(recorder.samples(Stage::Migrate).errors, 0);
    }
}
