//! Filling a column of every row, in small transactions, while the application works.
//!
//! # How
//!
//! Each relation with storage is read in physical order, in windows of pages. A window is filled
//! in several passes: each one is a short transaction that sets the value of one class of its rows
//! and writes the checkpoint ([`checkpoint`]). The first pass moves a tenth of the rows away; the
//! others find the space that it left, so their updates stay on their pages and touch no index.
//! For that a pass must be older than every snapshot before the next one comes, so several windows
//! are open at a time: [`window`] chooses, [`sizing`] measures, `horizon` knows the snapshots.
//!
//! # What holds
//!
//! - **Every row that existed at the start is filled exactly once.** Only unfilled rows are
//!   written; rows that a client writes meanwhile are filled by the sync trigger, and win. Rows
//!   that a rewrite of the table moves (VACUUM FULL) are found again, because the file number is
//!   read under each pass's lock.
//! - **A crash costs one pass.** The checkpoint is part of the transaction it speaks of.
//! - **zdm loses, not the client.** A pass waits for a lock for less than `deadlock_timeout`, and
//!   runs for less, so that in a deadlock it is the one that gives up.
//! - **It yields** ([`super::throttle`]) and says why.
//!
//! # What it must never do
//!
//! Write a row that is not unfilled, hold a row longer than a pass, or rely on anything that lives
//! longer than a transaction in the session.
//!
//! Completeness is proven elsewhere: by a validated constraint or a verification scan.

use std::time::Duration;

use crate::{
    db::{DbError, Session},
    execute::throttle::{Reason, Throttle},
    ident::ObjectName,
    plan::backfill::{PassSettings, Work},
};

pub mod checkpoint;
pub mod progress;
pub mod sizing;
pub mod window;

mod horizon;
mod pass;
mod relation;

pub use checkpoint::{Checkpoint, CheckpointStore, RelationState, StoreError};
pub use progress::Progress;
pub use sizing::Limits;

/// How a backfill is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Sizes of batches.
    pub limits: Limits,
    /// How long a pass waits for a lock at most; never longer than half of `deadlock_timeout`.
    /// Default 100 ms.
    pub lock_timeout: Duration,
    /// How long it waits for old snapshots before it goes on and says that the table may grow by
    /// as much as one plain UPDATE would make it grow. `None`: for ever. Default 30 s.
    pub patience: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            lock_timeout: Duration::from_millis(100),
            patience: Some(Duration::from_secs(30)),
        }
    }
}

/// What to do.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// What is done.
    pub work: Work<'a>,
    /// What each transaction sets.
    pub pass: PassSettings<'a>,
    /// Where an earlier run stopped.
    pub resume: Option<&'a Checkpoint>,
    /// How it is run.
    pub settings: &'a Settings,
}

/// What a person wants at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    Run,
    /// Wait, and be ready to go on.
    Pause,
    /// Stop at the next safe point.
    Stop,
}

/// What the backfill works with besides its own connection.
pub struct Surroundings<'a, S> {
    /// Decides when to yield; has a connection of its own.
    pub throttle: &'a mut Throttle,
    /// Writes checkpoints down.
    pub store: &'a mut S,
    /// What a person wants at the moment. Asked between transactions and while waiting.
    pub order: &'a (dyn Fn() -> Order + Sync),
    /// Is told what happens.
    pub listener: &'a mut (dyn FnMut(Event) + Send),
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A relation is begun, at this page, or gone on with.
    RelationStarted {
        /// Which.
        relation: ObjectName,
        /// The first page.
        block: u32,
        /// One past the last page.
        end: u32,
    },
    /// Where it stands. After a pass, at most five times a second.
    Progress(Progress),
    /// It yields. Said when it begins and when the reason changes.
    Yielding(Reason),
    /// It waits for old snapshots, so that the table does not grow.
    WaitingForSnapshots {
        /// Who holds the oldest one.
        holder: String,
    },
    /// It goes on after it yielded or waited.
    GoingOn {
        /// How long it has waited.
        waited: Duration,
    },
    /// Patience with old snapshots is spent: until they end, the table may grow by as much as one
    /// plain UPDATE would make it grow.
    GrowthUnbounded {
        /// Who holds the oldest one.
        holder: String,
    },
    /// The old snapshots have ended.
    GrowthBounded,
    /// A pass was rolled back in favour of a client; it comes again.
    GaveWay {
        /// The relation.
        relation: ObjectName,
        /// The pages of the pass.
        pages: (u32, u32),
        /// What the server said.
        message: String,
    },
    /// The relation has been rewritten (VACUUM FULL, CLUSTER, TRUNCATE): it is begun again.
    Rewritten {
        /// Which.
        relation: ObjectName,
    },
    /// The relation is not there any more, or never held rows: nothing to fill.
    RelationGone {
        /// Which.
        relation: ObjectName,
    },
    /// Every row of the relation that existed at the start is filled.
    RelationFilled {
        /// Which.
        relation: ObjectName,
    },
}

/// How a backfill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything is filled.
    Filled {
        /// Rows filled in all runs.
        rows: u64,
    },
    /// It was told to stop; the last checkpoint says where.
    Stopped {
        /// Rows filled so far.
        rows: u64,
    },
}

/// Why a backfill cannot go on. What was committed stays, and the last checkpoint says where.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackfillError {
    /// The server refused, or is gone. After [`crate::db::Failure::ConnectionLost`] connect again
    /// and resume from the stored checkpoint.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Another runner has taken over.
    #[error("{0}")]
    Fenced(String),
    /// The relation keeps no rows of its own that could be updated in place.
    #[error("{relation} is {what}, which has no rows of its own to fill")]
    NotATable {
        /// Which.
        relation: ObjectName,
        /// What it is instead.
        what: &'static str,
    },
}

impl From<StoreError> for BackfillError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Db(error) => Self::Db(error),
            StoreError::Fenced(message) => Self::Fenced(message),
        }
    }
}

/// Fills everything that is not filled yet, or stops when it is told to.
///
/// Run again after an error or a stop, with the last checkpoint, it goes on where it was.
pub async fn run<S: CheckpointStore>(
    session: &mut Session,
    job: &Job<'_>,
    around: &mut Surroundings<'_, S>,
) -> Result<Ended, BackfillError> {
    relation::Runner::new(session, job, around)
        .await?
        .run()
        .await
}
