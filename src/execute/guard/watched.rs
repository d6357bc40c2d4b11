//! Running statements while a second session looks at how they are doing, and can cancel them.
//!
//! The running message is always awaited to its end, also when it is cancelled: nothing is left
//! half-read on the connection, and what really happened is known.

use std::time::{Duration, Instant};

use super::{GuardContext, look::once_each};
use crate::{
    db::{Batch, BatchError, Failure, Session, activity},
    execute::{
        error::ExecuteError,
        event::{BlockerInfo, EventKind, Events},
        settings::OnStop,
        signals::StopLevel,
    },
};

/// What may end the statements early, and what is told about them.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    /// The backend that runs them, where that is known for sure; without it nothing is cancelled.
    pub(super) pid: Option<i32>,
    /// How long they may take.
    pub(super) deadline: Option<Duration>,
    /// What the first request to stop does. The second always cancels.
    pub(super) on_stop: OnStop,
    /// What is told.
    pub(super) report: Report,
}

/// What is told about running statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// They are short.
    Nothing,
    /// For whom they wait.
    Waits,
    /// For whom they wait, and how far the index build is.
    IndexBuild,
}

/// How the statements ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// All were run.
    Done(Batch),
    /// One failed.
    Failed(BatchError),
    /// They were cancelled at the deadline.
    Overdue {
        /// For whom they waited at last.
        blockers: Vec<BlockerInfo>,
    },
    /// They were cancelled because someone asked to stop.
    Stopped,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    Overdue,
    Stopped,
    LeaseLost,
}

/// Runs statements as one message.
pub(super) async fn run(
    cx: &mut GuardContext<'_>,
    step: &str,
    statements: &[String],
    limits: &Limits,
) -> Result<Ended, ExecuteError> {
    let started = Instant::now();
    let stop_level = match limits.on_stop {
        OnStop::Wait => StopLevel::Now,
        OnStop::Cancel => StopLevel::SafePoint,
    };
    let (wish, lease) = (cx.stop, cx.lease);
    let mut watcher = Watcher {
        session: &mut *cx.watch,
        events: cx.events,
        step,
        limits,
        report_every: cx.settings.locks.report_every,
        told: None,
        blockers: Vec::new(),
        progress: None,
    };
    let mut ticks = tokio::time::interval(cx.settings.bare.poll);
    // The first tick is immediate; short statements are over before the second.
    ticks.tick().await;
    let mut cancel: Option<Cancel> = None;
    let mut told_to_wait = false;
    let work = cx.session.batch(statements);
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            biased;
            result = &mut work => break result,
            () = wish.reached(stop_level), if cancel.is_none() => {
                cancel = Some(Cancel::Stopped);
                watcher.cancel().await;
            }
            () = wish.reached(StopLevel::SafePoint), if cancel.is_none() && !told_to_wait => {
                told_to_wait = true;
                if limits.report != Report::Nothing {
                    watcher.events.note(
                        Some(step),
                        "stopping when this statement has ended; ask again to cancel it",
                    );
                }
            }
            () = lease.lost(), if cancel.is_none() => {
                cancel = Some(Cancel::LeaseLost);
                watcher.cancel().await;
            }
            _ = ticks.tick() => {
                let overdue = limits.deadline.is_some_and(|limit| started.elapsed() >= limit);
                if overdue && cancel.is_none() {
                    cancel = Some(Cancel::Overdue);
                }
                if cancel.is_some() {
                    // A cancel request that comes between two statements is lost: repeat it.
                    watcher.cancel().await;
                } else {
                    watcher.look().await;
                }
            }
        }
    };
    let blockers = std::mem::take(&mut watcher.blockers);
    match (result, cancel) {
        (Ok(batch), _) => Ok(Ended::Done(batch)),
        (Err(failed), Some(why)) if failed.error.failure() == Failure::Cancelled => match why {
            Cancel::Overdue => Ok(Ended::Overdue { blockers }),
            Cancel::Stopped => Ok(Ended::Stopped),
            Cancel::LeaseLost => {
                lease.check()?;
                Ok(Ended::Failed(failed))
            }
        },
        (Err(failed), _) => Ok(Ended::Failed(failed)),
    }
}

/// The second session and what it has told.
struct Watcher<'a> {
    session: &'a mut Session,
    events: &'a Events,
    step: &'a str,
    limits: &'a Limits,
    report_every: Duration,
    told: Option<(Vec<Option<i32>>, Instant)>,
    blockers: Vec<BlockerInfo>,
    progress: Option<activity::IndexProgress>,
}

impl Watcher<'_> {
    async fn cancel(&mut self) {
        if let Some(pid) = self.limits.pid {
            // If it cannot be cancelled it runs on, and the next tick tries again.
            drop(activity::cancel_own(self.session, pid).await);
        }
    }

    /// Tells what is to be told. That looking fails does not matter to the statement.
    async fn look(&mut self) {
        let Some(pid) = self.limits.pid else { return };
        match self.limits.report {
            Report::Nothing => {}
            Report::Waits => self.look_at_waits(pid).await,
            Report::IndexBuild => {
                self.look_at_waits(pid).await;
                self.look_at_progress(pid).await;
            }
        }
    }

    async fn look_at_waits(&mut self, pid: i32) {
        let Ok(blockers) = activity::blocking(self.session, pid).await else {
            return;
        };
        self.blockers = once_each(&blockers);
        if blockers.is_empty() {
            self.told = None;
            return;
        }
        let pids: Vec<Option<i32>> = blockers.iter().map(|blocker| blocker.pid).collect();
        let known = self
            .told
            .as_ref()
            .is_some_and(|(told, at)| *told == pids && at.elapsed() < self.report_every);
        if !known {
            self.told = Some((pids, Instant::now()));
            self.events.emit(
                Some(self.step),
                EventKind::Waiting {
                    what: String::from("transactions that began before"),
                    blockers: self.blockers.clone(),
                },
            );
        }
    }

    async fn look_at_progress(&mut self, pid: i32) {
        let Ok(Some(progress)) = activity::index_progress(self.session, pid).await else {
            return;
        };
        if self.progress.as_ref() == Some(&progress) {
            return;
        }
        self.events.emit(
            Some(self.step),
            EventKind::IndexProgress {
                phase: progress.phase.clone(),
                done: u64::try_from(progress.done).unwrap_or(0),
                total: u64::try_from(progress.total).unwrap_or(0),
            },
        );
        self.progress = Some(progress);
    }
}
