//! What PostgreSQL does when it runs a statement: the only place that knows.
//!
//! For each statement kind and server version: the lock on every relation touched, what is
//! rewritten, what is scanned and under which lock, and whether it may run in a transaction.
//! `tests/it/live/effects.rs` compares every entry with real servers.
//!
//! Conventions. Locks are on tables, views, sequences and indexes that existed before; an index
//! behind a primary key is listed only where the statement names it, and locks weaker than SHARE
//! UPDATE EXCLUSIVE on indexes (every query takes them) never are. Where a fact is missing, the
//! costlier answer is given; a table that the catalog does not hold counts as a large ordinary
//! one on which nothing hangs. What is locked by the triggers that a write fires, or by the functions
//! that a statement calls, is not listed. A scan that an index may spare (`WHERE`) is listed.
//! Next: `lint` judges effects, [`crate::plan`] avoids them.

pub mod duration;
pub mod lock;

mod alter;
mod builder;
mod column;
mod constraint;
mod create;
mod data;
mod drop;
mod maintenance;
mod opaque;
mod partition;
mod partition_proof;
mod refusal;
mod user_type;
mod utility;
mod view;

use serde::{Deserialize, Serialize};

use crate::{
    catalog::Catalog,
    ident::ObjectName,
    parse::statement::{AlterAction, AlterRelation, Statement, StatementKind},
};

pub use lock::LockMode;

/// What a statement does on a database with this catalog.
pub fn effects(statement: &Statement, catalog: &Catalog) -> Effects {
    match &statement.kind {
        StatementKind::AlterRelation(alter) => alter::effects(alter, &alter.actions, catalog),
        StatementKind::CreateTable(create) => create::table(create, catalog),
        StatementKind::CreateIndex(create) => create::index(create, catalog),
        StatementKind::Drop(drop) => drop::effects(drop, catalog),
        StatementKind::Update(update) => data::update(update, catalog),
        StatementKind::Data(data) => data::effects(data, catalog),
        StatementKind::Opaque(opaque) => opaque::effects(opaque, catalog),
        StatementKind::Transaction(_) | StatementKind::Set(_) => Effects::default(),
    }
}

/// What one subcommand of an ALTER would do by itself.
pub fn effects_of_action(
    alter: &AlterRelation,
    action: &AlterAction,
    catalog: &Catalog,
) -> Effects {
    alter::effects(alter, std::slice::from_ref(action), catalog)
}

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

    /// Whether a scan is the look at the other side of a foreign key of that table.
    pub fn is_of_foreign_key(scan: &Scan, child: &ObjectName) -> bool {
        scan.relation != *child
            && scan.purpose == constraint::foreign_key_purpose(child, &scan.relation)
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
