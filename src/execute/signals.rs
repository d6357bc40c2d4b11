//! Stopping: first at the next safe point, then at once.
//!
//! A [`Stop`] is asked between attempts and batches; nothing is ever interrupted between a
//! statement and its journal entry. Tests call [`Stop::request`] where a terminal sends Ctrl-C.
//! Next: the driver checks it before each step, [`crate::execute::guard`] before each attempt.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::execute::error::ExecuteError;

/// How urgently the end is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopLevel {
    /// Not at all.
    Run,
    /// Stop at the next safe point.
    SafePoint,
    /// Cancel the running statement.
    Now,
}

/// A handle on the wish to stop. Clones share it.
#[derive(Debug, Clone)]
pub struct Stop {
    level: Arc<watch::Sender<StopLevel>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// Nobody wants to stop yet.
    pub fn new() -> Self {
        Self {
            level: Arc::new(watch::Sender::new(StopLevel::Run)),
        }
    }

    /// Asks once more: the first time for the next safe point, then for now.
    pub fn request(&self) {
        self.level.send_modify(|level| {
            *level = match level {
                StopLevel::Run => StopLevel::SafePoint,
                StopLevel::SafePoint | StopLevel::Now => StopLevel::Now,
            };
        });
    }

    /// How urgently the end is asked for.
    pub fn level(&self) -> StopLevel {
        *self.level.borrow()
    }

    /// Ends when the end is asked for at least this urgently.
    pub async fn reached(&self, level: StopLevel) {
        let mut receiver = self.level.subscribe();
        // The sender is alive as long as `self` is, so this cannot fail; if it did, nobody could
        // ask any more.
        if receiver.wait_for(|now| *now >= level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// An error once the end is asked for.
    pub fn check(&self) -> Result<(), ExecuteError> {
        match self.level() {
            StopLevel::Run => Ok(()),
            StopLevel::SafePoint | StopLevel::Now => Err(ExecuteError::Stopped {
                why: String::from("asked to stop"),
            }),
        }
    }

    /// Sleeps, but not past a wish to stop.
    pub async fn sleep(&self, duration: Duration) -> Result<(), ExecuteError> {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.reached(StopLevel::SafePoint) => {}
        }
        self.check()
    }

    /// Takes SIGINT (Ctrl-C) and SIGTERM as requests, from now to the end of the process.
    #[cfg(unix)]
    pub fn listen(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = self.clone();
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    received = interrupt.recv() => received,
                    received = terminate.recv() => received,
                };
                if received.is_none() {
                    return;
                }
                stop.request();
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_request_stops_softly_and_the_second_at_once() {
        let stop = Stop::new();
        assert!(stop.check().is_ok());
        let other = stop.clone();
        other.request();
        assert_eq!(stop.level(), StopLevel::SafePoint);
        stop.reached(StopLevel::SafePoint).await;
        let error = stop.sleep(Duration::from_hours(1)).await.unwrap_err();
        assert_eq!((error.code(), error.exit().code()), ("stopped", 3));
        other.request();
        other.request();
        stop.reached(StopLevel::Now).await;
    }
}
