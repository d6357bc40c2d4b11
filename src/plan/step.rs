//! Plans and their steps: plain data, serialised as it is shown, and stored as it will run.
//!
//! A [`Plan`] holds no connection, clock or environment. Field names are a contract
//! (INTERFACES §4): fields may be added, never changed in meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    catalog::PgVersion,
    effects::{RelationLock, Scan},
    ident::{Ident, ObjectName},
    parse::PhaseName,
    plan::{
        batches::{Batches, Verb},
        sets::Sets,
    },
    source::Position,
};

/// The format of [`Plan`] as JSON.
pub const PLAN_VERSION: u32 = 1;

/// One migration, split into phases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of all JSON output.
    pub version: u32,
    /// The format of this plan.
    pub plan_version: u32,
    /// The zdm that made it.
    pub zdm_version: String,
    /// The major version of the server it is for.
    pub pg_version: PgVersion,
    /// The database it is for, when it was made against one.
    pub database: Option<String>,
    /// Where the sizes of tables are from, when not from that database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<String>,
    /// The migration.
    pub migration: MigrationName,
    /// `sha256:` of its tokens and of the directives that change the plan.
    pub checksum: String,
    /// Fingerprint of each relation it touches, by name.
    pub fingerprint: BTreeMap<String, String>,
    /// Who works at each phase boundary.
    pub compat: Vec<Compat>,
    /// The phases in order, all three, perhaps without steps.
    pub phases: Vec<Phase>,
    /// What a reader must know, in sentences.
    pub notes: Vec<String>,
    /// The schemas that unqualified names in the migration's own SQL are looked up in.
    pub search_path: Vec<Ident>,
    /// What lets the backfill past this migration's sync triggers.
    pub bypass: Bypass,
    /// What `zdm verify` counts while both shapes stand: rows in which they disagree.
    pub verify: Vec<Verify>,
    /// What it reads and writes. A plan stored before this was known has none.
    #[serde(default)]
    pub sets: Option<Sets>,
}

/// A migration by version and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MigrationName {
    /// The layout's version string.
    pub id: String,
    /// The rest of the file name.
    pub name: String,
}

/// A setting that sync triggers look at; only this exact value switches them off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    /// The name of the setting, e.g. `zdm.bypass_1a2b3c4d`.
    pub setting: String,
    /// The value, a secret of this migration.
    pub secret: String,
}

/// Which application works from a phase boundary on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compat {
    /// The phase that has ended.
    pub after: PhaseName,
    /// The old application can read and write.
    pub old: bool,
    /// The new application can read and write.
    pub new: bool,
    /// Exceptions and conditions, in sentences.
    pub notes: Vec<String>,
}

/// One phase of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Which.
    pub phase: PhaseName,
    /// Its steps in the order they run.
    pub steps: Vec<Step>,
}

/// One step: the unit that runs, is journaled, and is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the plan: phase and number, e.g. `expand-1`.
    pub id: String,
    /// How it is run.
    #[serde(flatten)]
    pub kind: StepKind,
    /// What it does, in a few words.
    pub title: String,
    /// Every statement it sends, in order. `{…}` marks what changes from batch to batch of a
    /// backfill.
    pub sql: Vec<String>,
    /// The statement of the migration it serves.
    pub source: Option<SourceRange>,
    /// All of `sql` and its journal entry are one transaction.
    pub transactional: bool,
    /// How its locks are asked for.
    pub guard: Guard,
    /// A query for one text: `todo`, `half` or `done`, asked before the step.
    pub pre: Option<String>,
    /// A query for one text, asked after the step: it must say `done`.
    pub post: Option<String>,
    /// The strongest lock on each relation.
    pub locks: Vec<RelationLock>,
    /// Relations whose files are written anew.
    pub rewrites: Vec<ObjectName>,
    /// Relations read whole, and under which lock.
    pub scans: Vec<Scan>,
    /// What takes it back, in order; empty when nothing need be done.
    pub undo: Vec<Undo>,
    /// `undo` brings back what was before, and every client write is kept.
    pub reversible: bool,
    /// Why it stands here.
    pub reason: String,
    /// Expected duration in milliseconds, when sizes are known.
    pub estimate_ms: Option<u64>,
}

/// A range of a migration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRange {
    /// The file.
    pub file: String,
    /// Its first character.
    pub start: Position,
    /// One past its last.
    pub end: Position,
}

/// How a step is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepKind {
    /// Short statements in one transaction.
    Ddl,
    /// A statement that may take long, in a transaction of its own, under a weak lock
    /// (VALIDATE CONSTRAINT).
    LongDdl,
    /// A statement that cannot run in a transaction and is not about an index.
    Bare,
    /// CREATE INDEX CONCURRENTLY.
    CreateIndex {
        /// The index.
        index: ObjectName,
        /// Its table.
        table: ObjectName,
    },
    /// DROP INDEX CONCURRENTLY.
    DropIndex {
        /// The index.
        index: ObjectName,
        /// Its table.
        table: ObjectName,
    },
    /// REINDEX INDEX CONCURRENTLY.
    Reindex {
        /// The index.
        index: ObjectName,
        /// Its table.
        table: ObjectName,
    },
    /// Fill a column of every row, in batches.
    Backfill {
        /// What to fill.
        backfill: Backfill,
    },
    /// One statement on the rows of small tables, in a short transaction.
    Rows {
        /// What it does to rows.
        verb: Verb,
    },
    /// A statement on many rows, in batches.
    Batches {
        /// What to do.
        batches: Batches,
    },
    /// Look for rows that must not be there; refuse to go on while there are any.
    Verify {
        /// What to look for.
        verify: Verify,
    },
    /// Wait until no snapshot or prepared transaction is older than the last backfill commit.
    WaitForSnapshots,
}

impl StepKind {
    /// The name used in JSON.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Ddl => "ddl",
            Self::LongDdl => "long_ddl",
            Self::Bare => "bare",
            Self::CreateIndex { .. } => "create_index",
            Self::DropIndex { .. } => "drop_index",
            Self::Reindex { .. } => "reindex",
            Self::Backfill { .. } => "backfill",
            Self::Rows { .. } => "rows",
            Self::Batches { .. } => "batches",
            Self::Verify { .. } => "verify",
            Self::WaitForSnapshots => "wait_for_snapshots",
        }
    }
}

/// How a step's locks are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// It takes no lock that holds up a client, and waits for none that a client waits behind.
    None,
    /// The lock ladder: look, wait for SHARE UPDATE EXCLUSIVE, then ask for `locks` with NOWAIT
    /// and short timeouts, then run `sql` in the same transaction.
    Ladder,
    /// LOCK TABLE cannot lock one of the relations (a view, an index, a sequence): the statements
    /// themselves run under a short lock_timeout, again and again within the budget.
    Timeout,
}

/// One transaction, or one statement that cannot run in one, that takes a step back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undo {
    /// How it is run.
    pub how: UndoKind,
    /// Its statements, in order.
    pub sql: Vec<String>,
    /// The locks it takes; asked for by the ladder when they hold up clients.
    pub locks: Vec<RelationLock>,
    /// Rows that going back cannot keep: counted first, and refused without consent.
    pub loses: Option<Verify>,
}

/// How an [`Undo`] is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoKind {
    /// Short statements in one transaction.
    Ddl,
    /// The same, tightening again what was relaxed. When rows stand in the way and that was
    /// consented to, it is left out with all that follow it, and the table stays relaxed.
    Tighten,
    /// A long statement under a weak lock, in a transaction of its own.
    LongDdl,
    /// Outside a transaction (DROP INDEX CONCURRENTLY).
    Bare,
}

/// What a backfill fills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// The table the migration names.
    pub table: ObjectName,
    /// The relations with storage: the table, or its leaves and children.
    pub relations: Vec<ObjectName>,
    /// What is set: column and value, an SQL expression over the row, bare column names.
    pub set: Vec<Assignment>,
    /// SQL condition over the row: true exactly for rows not filled yet.
    pub unfilled: String,
    /// The values change from row to row and run to run; a row must be filled exactly once.
    pub volatile: bool,
}

/// One column and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The column.
    pub column: Ident,
    /// The value as SQL.
    pub value: String,
}

/// Rows that must not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// The table looked at.
    pub table: ObjectName,
    /// A query for the number of bad rows: one `bigint`.
    pub count: String,
    /// A query for a few of them, one `text` each, to show.
    pub sample: Option<String>,
    /// What to say when there are any; `{count}` stands for the number.
    pub message: String,
    /// What to do then.
    pub help: String,
}

impl Plan {
    /// Every step in the order it runs.
    pub fn steps(&self) -> impl DoubleEndedIterator<Item = &Step> {
        self.phases.iter().flat_map(|phase| phase.steps.iter())
    }

    /// The phase a step belongs to.
    pub fn phase_of(&self, step: &str) -> Option<PhaseName> {
        self.phases
            .iter()
            .find(|phase| phase.steps.iter().any(|candidate| candidate.id == step))
            .map(|phase| phase.phase)
    }

    /// One step by its id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps().find(|step| step.id == id)
    }
}
