//! From statements to a [`Plan`]: expand, migrate, contract.
//!
//! Pure: a plan depends on the script, the catalog and the settings, and on nothing else.
//! Next: `execute` runs it, `report` shows it.

pub mod step;
pub mod sync_trigger;

pub use crate::parse::PhaseName;
pub use step::{
    Assignment, Backfill, Bypass, Compat, Guard, MigrationName, PLAN_VERSION, Phase, Plan,
    SourceRange, Step, StepKind, Undo, UndoKind, Verify,
};
