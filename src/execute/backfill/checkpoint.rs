//! Where a backfill stands, and how that is written down.
//!
//! A checkpoint is stored by the very transaction that filled the rows it speaks of, so after a
//! crash at any moment it is neither ahead of the data nor behind it.

use serde::{Deserialize, Serialize};

use crate::{
    db::{DbError, Session},
    ident::ObjectName,
};

/// Where a backfill stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The relation being filled; those before it in `Backfill::relations` are done.
    pub relation: ObjectName,
    /// Whether this relation is done too.
    pub state: RelationState,
    /// `pg_relation_filenode` of the relation, read under the lock of the UPDATE. When it has
    /// changed since, rows have moved and the relation is begun again (pitfall 57).
    pub filenode: u32,
    /// Every page below it is done.
    pub block: u32,
    /// One past the last page that needs filling: the size when it was begun. Rows that came
    /// later are complete, because the sync trigger was there before them.
    pub end: u32,
    /// Pages of the last slice.
    pub window: u32,
    /// Its number of passes.
    pub passes: u32,
    /// Which of them it was, from 0.
    pub pass: u32,
    /// Rows filled so far, in all relations and all runs.
    pub rows: u64,
    /// The last transaction that filled a row, as `pg_current_xact_id()` gives it; 0 before the
    /// first one. A snapshot older than it may not see what was filled (pitfall 66).
    pub xid: u64,
}

/// How far one relation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationState {
    /// Some of it is left.
    Filling,
    /// Every row that existed at the start is filled.
    Filled,
}

/// Writes checkpoints down.
pub trait CheckpointStore {
    /// Stores `checkpoint` in the transaction that is open in `session`. It must leave the
    /// transaction open, and must touch nothing that clients lock.
    fn store(
        &mut self,
        session: &mut Session,
        checkpoint: &Checkpoint,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Why a checkpoint was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The server refused, or is gone.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Another runner has taken over this migration; the transaction is rolled back.
    #[error("{0}")]
    Fenced(String),
}
