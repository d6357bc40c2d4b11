//! From statements to a [`Plan`]: expand, migrate, contract.
//!
//! Pure: a plan depends on the script, the catalog and the settings, and on nothing else.
//! [`build`] puts it together from [`operation`]s; each is taken apart by one of the
//! [`recipes`], and [`order`] decides the phases.
//! Next: `execute` runs it, `report` shows it.

pub mod acl;
pub mod added_column;
pub mod backfill;
pub mod batches;
pub mod build;
pub mod columns;
pub mod compare;
pub mod draft;
pub mod filled_by_query;
pub mod filled_column;
pub mod keys;
pub mod moves;
pub mod operation;
pub mod order;
pub mod partition_bound;
pub mod partitions;
pub mod pieces;
pub mod recipe;
pub mod recipes;
pub mod rows;
pub mod sets;
pub mod stand_ins;
pub mod state;
pub mod step;
pub mod sync_trigger;
pub mod touches;
pub mod undo;
pub mod updates;
pub mod views;

pub use crate::parse::PhaseName;
pub use batches::{Batches, Verb, Walk};
pub use build::{LateExpandPolicy, PlanInput, PlanSettings, Planned, Sizes, Tighten, plan};
pub use compare::differences;
pub use sets::Sets;
pub use step::{
    Assignment, Backfill, Bypass, Compat, Guard, MigrationName, PLAN_VERSION, Phase, Plan,
    SourceRange, Step, StepKind, Undo, UndoKind, Verify,
};
