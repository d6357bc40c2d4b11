//! Running a plan. The only module that changes a user's database; every change is journaled.
//!
//! - [`event`]: what happens, as one closed list that progress, journal and JSON output read.
//! - [`error`]: what can stop a run, and what was done to the database by then.
//! - [`settings`]: what an operator may choose.
//! - [`journal`], [`lease`]: what is done and what is not, and who may go on with it.
//! - [`guard`]: asking for strong locks so that no client waits behind zdm.
//! - [`checks`]: what is looked at before anything is changed.
//! - [`signals`]: stopping at a safe point.

pub mod checks;
pub mod error;
pub mod event;
pub mod guard;
pub mod journal;
pub mod lease;
pub mod settings;
pub mod signals;

pub use error::{DatabaseState, ExecuteError, ExitClass};
pub use event::{BlockerInfo, Event, EventKind, Events};
pub use guard::{GuardContext, GuardOutcome, GuardedWork, Hold, JournalEntry, run_guarded};
pub use journal::{Journal, OpenState};
pub use lease::Lease;
pub use settings::ExecuteSettings;
pub use signals::Stop;
