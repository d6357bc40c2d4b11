//! What is in the journal, as values.
//!
//! Read from the JSON form of the rows; columns that a later version adds are passed over.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{parse::PhaseName, plan::Plan};

/// Where a migration stands (INTERFACES §1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MigrationState {
    /// Not begun.
    Pending,
    /// Waits for an earlier one.
    Queued,
    /// Expand is running or was interrupted.
    Expanding,
    /// Expand is done.
    Expanded,
    /// Migrate is running or was interrupted.
    Migrating,
    /// Migrate is done and verified; both applications work.
    Migrated,
    /// Contract is running or was interrupted.
    Contracting,
    /// Through.
    Done,
    /// Rollback is running or was interrupted.
    RollingBack,
    /// Taken back.
    RolledBack,
    /// Done before zdm came.
    Adopted,
    /// A person must look.
    Failed,
}

impl MigrationState {
    /// All, in the order of a life.
    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::Queued,
        Self::Expanding,
        Self::Expanded,
        Self::Migrating,
        Self::Migrated,
        Self::Contracting,
        Self::Done,
        Self::RollingBack,
        Self::RolledBack,
        Self::Adopted,
        Self::Failed,
    ];

    /// The word used in the journal and in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Queued => "queued",
            Self::Expanding => "expanding",
            Self::Expanded => "expanded",
            Self::Migrating => "migrating",
            Self::Migrated => "migrated",
            Self::Contracting => "contracting",
            Self::Done => "done",
            Self::RollingBack => "rolling_back",
            Self::RolledBack => "rolled_back",
            Self::Adopted => "adopted",
            Self::Failed => "failed",
        }
    }

    /// The phase that has ended, between two phases.
    pub fn phase_ended(self) -> Option<PhaseName> {
        match self {
            Self::Expanded => Some(PhaseName::Expand),
            Self::Migrated => Some(PhaseName::Migrate),
            Self::Pending
            | Self::Queued
            | Self::Expanding
            | Self::Migrating
            | Self::Contracting
            | Self::Done
            | Self::RollingBack
            | Self::RolledBack
            | Self::Adopted
            | Self::Failed => None,
        }
    }

    /// Something of it may be in the tables, and more is to come.
    pub fn has_begun(self) -> bool {
        match self {
            Self::Expanding
            | Self::Expanded
            | Self::Migrating
            | Self::Migrated
            | Self::Contracting
            | Self::RollingBack
            | Self::Failed => true,
            Self::Pending | Self::Queued | Self::Done | Self::RolledBack | Self::Adopted => false,
        }
    }

    /// Nothing more will happen to it by itself.
    pub fn is_final(self) -> bool {
        match self {
            Self::Done | Self::RolledBack | Self::Adopted => true,
            Self::Pending
            | Self::Queued
            | Self::Expanding
            | Self::Expanded
            | Self::Migrating
            | Self::Migrated
            | Self::Contracting
            | Self::RollingBack
            | Self::Failed => false,
        }
    }
}

impl fmt::Display for MigrationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Begun; it may have been interrupted.
    Running,
    /// Done.
    Done,
    /// Taken back.
    Undone,
    /// The server refused it.
    Failed,
}

impl StepState {
    /// The word used in the journal and in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Failed => "failed",
        }
    }
}

/// Which end of a phase a [`Boundary`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    /// It began.
    Started,
    /// It is done.
    Done,
    /// It has been taken back.
    Undone,
}

impl Edge {
    /// The word used in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Done => "done",
            Self::Undone => "undone",
        }
    }
}

/// A migration in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationSummary {
    /// Its id.
    pub id: String,
    /// The rest of its file name.
    pub name: String,
    /// The checksum of what was started.
    pub checksum: String,
    /// Where it stands.
    pub state: MigrationState,
    /// A later one had been applied when it was started.
    pub out_of_order: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was through, or taken back.
    pub finished_at: Option<Timestamp>,
    /// The migration behind which it is queued.
    #[serde(default)]
    pub queued_behind: Option<String>,
    /// Steps done.
    pub steps_done: i64,
    /// Steps in all.
    pub steps_total: i64,
    /// Rows its backfills have filled.
    pub rows_done: i64,
    /// Rows they have to fill, as estimated.
    pub rows_total: i64,
    /// Who runs it.
    pub lease: Option<LeaseRecord>,
}

/// Everything the journal has of one migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationRecord {
    /// Its id.
    pub id: String,
    /// The rest of its file name.
    pub name: String,
    /// The checksum of what was started.
    pub checksum: String,
    /// The text that was started, byte for byte.
    pub source: String,
    /// Where it stands.
    pub state: MigrationState,
    /// Its plan, as it will run whatever zdm reads it. An adopted one has none.
    pub plan: Option<Plan>,
    /// A later one had been applied when it was started.
    pub out_of_order: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was through, or taken back.
    pub finished_at: Option<Timestamp>,
    /// The migration behind which it is queued.
    #[serde(default)]
    pub queued_behind: Option<String>,
    /// Why it is queued, in words.
    #[serde(default)]
    pub queued_why: Option<String>,
    /// Its steps in the order they run.
    pub steps: Vec<StepRecord>,
    /// How far its backfills are.
    pub backfills: Vec<BackfillRecord>,
    /// Where its phases began and ended, oldest first.
    pub boundaries: Vec<Boundary>,
    /// Who runs it.
    pub lease: Option<LeaseRecord>,
}

impl MigrationRecord {
    /// One step by its id.
    pub fn step(&self, id: &str) -> Option<&StepRecord> {
        self.steps.iter().find(|step| step.step_id == id)
    }
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its id, unique in its migration.
    pub step_id: String,
    /// Its place.
    pub ordinal: i32,
    /// Its phase.
    pub phase: PhaseName,
    /// Its kind, as in the plan.
    pub kind: String,
    /// Where it stands.
    pub state: StepState,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was first begun.
    pub started_at: Option<Timestamp>,
    /// When it was done, taken back or failed.
    pub finished_at: Option<Timestamp>,
    /// What the server said.
    pub error: Option<String>,
}

/// How far the backfill of one relation is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillRecord {
    /// Its step.
    pub step_id: String,
    /// The relation, as `ObjectName` shows it.
    pub relation: String,
    /// The relation's `pg_relation_filenode` that all block numbers refer to.
    pub filenode: i64,
    /// The backfill ends before this block.
    pub end_block: i64,
    /// The first block of the present window; everything before is done.
    pub block: i64,
    /// Pages of the present window.
    pub window_pages: u32,
    /// Passes over the present window.
    pub passes: u32,
    /// The next pass, from 0; those below are done.
    pub pass: u32,
    /// Rows filled so far.
    pub rows_done: i64,
    /// Rows to fill as estimated.
    pub rows_total: i64,
    /// The last transaction that filled rows, as 64-bit id.
    pub last_xid: Option<String>,
    /// Nothing is left.
    pub done: bool,
    /// With a key: everything up to it is done, as text.
    #[serde(default)]
    pub key_done: Option<String>,
    /// With a key: where it ends, as text.
    #[serde(default)]
    pub key_end: Option<String>,
}

/// Where a phase began or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boundary {
    /// The phase.
    pub phase: PhaseName,
    /// Which end.
    pub edge: Edge,
    /// When.
    pub at: Timestamp,
    /// The WAL position, for point-in-time recovery.
    pub wal: String,
    /// The fingerprint of each relation of the plan, by name.
    pub fingerprints: Option<BTreeMap<String, String>>,
}

/// Who runs a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRecord {
    /// Grows with every change of hands.
    pub token: i64,
    /// Host, process id and start.
    pub holder: String,
    /// Its backend at the last sign of life.
    pub pid: Option<i32>,
    /// Since when.
    pub acquired_at: Timestamp,
    /// The last sign of life.
    pub heartbeat_at: Timestamp,
    /// When it is free without another one.
    pub expires_at: Timestamp,
}
