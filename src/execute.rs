//! Running a plan. The only module that changes a user's database, and every change is journaled.
//!
//! [`machine`] decides what comes next and is pure; [`driver`] carries it out: [`guard`] for
//! anything that needs a lock, [`backfill`] for rows, [`journal`] and [`lease`] for who did what.
//! [`apply`], [`rollback`] and [`verify`] are what the commands call.

pub mod adopt;
pub mod apply;
pub mod backfill;
pub mod checks;
pub mod drift;
pub mod driver;
pub mod error;
pub mod event;
pub mod fill;
pub mod fresh;
pub mod guard;
pub mod journal;
pub mod lease;
pub mod machine;
pub mod made;
pub mod patience;
pub mod reset;
pub mod rollback;
pub mod rows;
pub mod settings;
pub mod signals;
pub mod throttle;
pub mod verify;
pub mod window;

use jiff::Timestamp;

use crate::db::Target;

pub use error::{DatabaseState, ExecuteError, ExitClass};
pub use event::{BlockerInfo, Event, EventKind, Events};
pub use guard::{GuardContext, GuardOutcome, GuardedWork, Hold, JournalEntry, run_guarded};
pub use journal::{Journal, OpenState};
pub use lease::Lease;
pub use settings::ExecuteSettings;
pub use signals::Stop;

/// What every run is made with.
#[derive(Debug, Clone)]
pub struct Runner {
    /// The database.
    pub target: Target,
    /// Locks, lease, roles.
    pub settings: ExecuteSettings,
    /// Batches.
    pub backfill: backfill::Settings,
    /// When to yield.
    pub throttle: throttle::Settings,
    /// Who is told.
    pub events: Events,
    /// Whether to stop.
    pub stop: Stop,
    /// Seed of the randomness in pauses.
    pub seed: u64,
    /// When this process began.
    pub started: Timestamp,
}

impl Runner {
    /// How long a question is asked again while somebody holds ACCESS EXCLUSIVE.
    pub fn patience(&self) -> patience::Patience<'_> {
        patience::Patience {
            locks: &self.settings.locks,
            stop: &self.stop,
            events: &self.events,
        }
    }
}
