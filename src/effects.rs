//! What PostgreSQL does when it runs a statement: the only place that knows.
//!
//! For each statement kind and server version: the lock on every relation touched, what is
//! rewritten, what is scanned and under which lock, and whether it may run in a transaction.
//! `tests/it/live/effects.rs` compares every entry with real servers.
//! Next: `lint` judges effects, [`crate::plan`] avoids them.

pub mod lock;

use serde::{Deserialize, Serialize};

use crate::ident::ObjectName;

pub use lock::LockMode;

/// The strongest lock a statement takes on one relation that existed before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationLock {
    /// The relation.
    pub relation: ObjectName,
    /// The mode.
    pub mode: LockMode,
}

/// A whole relation read from end to end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scan {
    /// The relation.
    pub relation: ObjectName,
    /// The lock held on it meanwhile.
    pub under: LockMode,
    /// Why, in words (`to build index "x"`, `to prove that no row is NULL`).
    pub purpose: String,
}

/// What running one statement does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Effects {
    /// Locks on relations that existed before, one entry each, by name.
    pub locks: Vec<RelationLock>,
    /// Relations whose files are written anew (`pg_class.relfilenode` changes).
    pub rewrites: Vec<ObjectName>,
    /// Relations read whole.
    pub scans: Vec<Scan>,
    /// Cannot run in a transaction block.
    pub outside_transaction: bool,
    /// Waits for every older transaction or snapshot (CONCURRENTLY).
    pub waits_for_snapshots: bool,
    /// Not understood, or not all of it: nothing may be concluded from what is absent.
    pub unknown: bool,
    /// The server refuses it, as far as the catalog shows, with this reason.
    pub fails: Option<String>,
}

impl Effects {
    /// The lock taken on a relation.
    pub fn lock_on(&self, relation: &ObjectName) -> Option<LockMode> {
        self.locks
            .iter()
            .find(|lock| lock.relation == *relation)
            .map(|lock| lock.mode)
    }

    /// Adds a lock, keeping the stronger where there is one already.
    pub fn add_lock(&mut self, relation: ObjectName, mode: LockMode) {
        match self
            .locks
            .binary_search_by(|lock| lock.relation.cmp(&relation))
        {
            Ok(at) => self.locks[at].mode = self.locks[at].mode.max(mode),
            Err(at) => self.locks.insert(at, RelationLock { relation, mode }),
        }
    }
}
