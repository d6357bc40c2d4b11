//! One transaction of a backfill.

use std::time::{Duration, Instant};

use crate::{
    db::{BatchError, DbError, Failure, Row, Session, get},
    ident::ObjectName,
    plan::backfill::{Slice, Work, lock_sql},
};

use super::{
    BackfillError, Checkpoint, CheckpointStore, Job, StoreError,
    horizon::{horizon_sql, read_horizon},
    sizing::Measured,
};

/// A session that stalls with rows locked is ended by the server after this time.
const STALL: &str = "5s";

/// Timeouts of a pass, in milliseconds. Both are below `deadlock_timeout`: a client that waits for
/// a row of the pass finds it free before the server looks for deadlocks and picks a victim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) lock: u128,
    pub(super) statement: u128,
}

impl Timeouts {
    pub(super) fn new(wanted: Duration, deadlock: Duration) -> Self {
        let deadlock = deadlock.as_millis();
        Self {
            lock: wanted.as_millis().min(deadlock / 2).max(1),
            statement: (deadlock * 8 / 10).max(1),
        }
    }
}

/// A pass that was filled and committed.
pub(super) struct Filled {
    pub(super) measured: Measured,
    pub(super) xid: u64,
    /// The oldest transaction that anyone may look at, if it was to be read right after COMMIT.
    pub(super) horizon: Option<Horizon>,
}

/// A reading of the horizon.
pub(super) struct Horizon {
    /// The oldest transaction that anyone may look at; `None` when nobody looks at any.
    pub(super) oldest: Option<u32>,
}

/// How a pass ended.
pub(super) enum Passed {
    /// Committed, with its checkpoint.
    Filled(Filled),
    /// Rolled back: the relation's file is another one than at the start.
    Rewritten,
    /// Rolled back because a client holds a row.
    RowLocked(DbError),
    /// Rolled back because someone holds the table, or the checkpoint.
    TableLocked(DbError),
    /// Rolled back because the relation does not exist.
    Gone,
}

/// Which pass.
pub(super) struct Pass<'a> {
    pub(super) relation: &'a ObjectName,
    pub(super) oid: u32,
    pub(super) slice: Slice,
    pub(super) timeouts: Timeouts,
    /// What else COMMIT is to bring back.
    pub(super) then: Then,
}

/// What is read together with COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing: there is enough to do without knowing more.
    Nothing,
    /// The horizon.
    Horizon,
}

/// Runs a pass. `checkpoint` makes what is stored from what was measured, or `None` when the file
/// is not the expected one.
pub(super) async fn run<S: CheckpointStore>(
    session: &mut Session,
    job: &Job<'_>,
    store: &mut S,
    pass: &Pass<'_>,
    checkpoint: impl FnOnce(&Measured, u64, u32) -> Option<Checkpoint> + Send,
) -> Result<Passed, BackfillError> {
    let (statements, update_at) = statements(job, pass);
    let begun = Instant::now();
    let batch = match session.batch(&statements).await {
        Ok(batch) => batch,
        Err(failed) => return give_way(session, failed, update_at).await,
    };
    let took = begun.elapsed();
    let rows = batch.affected.get(update_at).copied().unwrap_or_default();
    let counters = |at: usize| batch.rows.iter().find(|(from, _)| *from == at);
    let before = Counters::read(counters(update_at - 1).map(|(_, row)| row))?;
    let after = Counters::read(counters(update_at + 1).map(|(_, row)| row))?;
    let measured = Measured {
        rows,
        hot: after.hot_since(&before, rows),
        took,
    };
    let Some(checkpoint) = checkpoint(&measured, after.xid, after.filenode) else {
        session.run("ROLLBACK").await?;
        return Ok(Passed::Rewritten);
    };
    match store.store(session, &checkpoint).await {
        Ok(()) => {}
        Err(StoreError::Db(error)) if gives_way(&error) => {
            session.run("ROLLBACK").await?;
            return Ok(Passed::TableLocked(error));
        }
        Err(error) => {
            roll_back(session, matches!(&error, StoreError::Db(e) if lost(e))).await?;
            return Err(error.into());
        }
    }
    let mut last = vec!["COMMIT".to_owned()];
    if pass.then == Then::Horizon {
        last.push(horizon_sql());
    }
    match session.batch(&last).await {
        Ok(batch) => Ok(Passed::Filled(Filled {
            measured,
            xid: after.xid,
            horizon: match pass.then {
                Then::Nothing => None,
                Then::Horizon => {
                    let oldest = read_horizon(batch.rows.first().map(|(_, row)| row))?;
                    Some(Horizon { oldest })
                }
            },
        })),
        // A deferred trigger ran into a lock, or the time was over. What fails while it commits has
        // rolled back by itself; what fails before that has not, so it is said in any case.
        Err(failed) if failed.at == 0 && gives_way(&failed.error) => {
            roll_back(session, lost(&failed.error)).await?;
            Ok(Passed::RowLocked(failed.error))
        }
        Err(failed) => Err(failed.error.into()),
    }
}

/// The statements up to the UPDATE and what is read after it; and the number of the UPDATE.
fn statements(job: &Job<'_>, pass: &Pass<'_>) -> (Vec<String>, usize) {
    let timeouts = pass.timeouts;
    // A window of one page cannot be made smaller; it takes the time that it takes.
    // Neither can what reads other tables: most of its time does not depend on the window.
    let reads_others = matches!(job.work, Work::Rows(batches) if batches.reads_others);
    let statement = if pass.slice.pages() > 1 && !reads_others {
        timeouts.statement
    } else {
        0
    };
    let counters = format!(
        "SELECT pg_catalog.pg_stat_get_xact_tuples_updated({oid}), \
         pg_catalog.pg_stat_get_xact_tuples_hot_updated({oid}), \
         pg_catalog.pg_relation_filenode({oid})::bigint, \
         coalesce(pg_catalog.pg_current_xact_id_if_assigned()::text, '0')",
        oid = pass.oid
    );
    let mut sql = match job.work {
        Work::Fill(_) => job.pass.begin(),
        Work::Rows(batches) => job.pass.begin_rows(batches),
    };
    sql.extend([
        format!("SET LOCAL lock_timeout = '{}ms'", timeouts.lock),
        format!("SET LOCAL statement_timeout = '{statement}ms'"),
        format!("SET LOCAL idle_in_transaction_session_timeout = '{STALL}'"),
        lock_sql(pass.relation),
        // The counters include what earlier transactions have not reported yet.
        counters.clone(),
        job.work.slice_sql(pass.relation, pass.slice),
        counters,
    ]);
    let update_at = sql.len() - 2;
    if job.pass.role.is_some() {
        // The checkpoint belongs to the role that is connected.
        sql.push("SET LOCAL ROLE NONE".to_owned());
    }
    (sql, update_at)
}

/// What the server counts, and which transaction and file it was.
struct Counters {
    updated: i64,
    hot: i64,
    filenode: u32,
    xid: u64,
}

impl Counters {
    fn read(row: Option<&Row>) -> Result<Self, DbError> {
        let Some(row) = row else {
            return Ok(Self {
                updated: 0,
                hot: 0,
                filenode: 0,
                xid: 0,
            });
        };
        let filenode: Option<i64> = get(row, 2)?;
        let xid: String = get(row, 3)?;
        Ok(Self {
            updated: get(row, 0)?,
            hot: get(row, 1)?,
            filenode: filenode
                .and_then(|node| u32::try_from(node).ok())
                .unwrap_or_default(),
            xid: xid.parse().unwrap_or_default(),
        })
    }

    /// HOT updates since `before`; `None` when the server has not counted (track_counts off).
    fn hot_since(&self, before: &Self, rows: u64) -> Option<u64> {
        let updated = u64::try_from(self.updated - before.updated).unwrap_or_default();
        (updated >= rows).then(|| u64::try_from(self.hot - before.hot).unwrap_or_default())
    }
}

/// Whether the pass may come again after such an error.
fn gives_way(error: &DbError) -> bool {
    match error.failure() {
        Failure::LockNotAvailable
        | Failure::Deadlock
        | Failure::Serialization
        | Failure::Cancelled => true,
        Failure::ConnectionLost | Failure::Privilege | Failure::Resources | Failure::Other => false,
    }
}

fn lost(error: &DbError) -> bool {
    error.failure() == Failure::ConnectionLost
}

async fn roll_back(session: &mut Session, lost: bool) -> Result<(), DbError> {
    if !lost {
        session.run("ROLLBACK").await?;
    }
    Ok(())
}

async fn give_way(
    session: &mut Session,
    failed: BatchError,
    update_at: usize,
) -> Result<Passed, BackfillError> {
    let BatchError { at, error } = failed;
    roll_back(session, lost(&error)).await?;
    if error.sqlstate.as_deref() == Some("42P01") && at < update_at {
        return Ok(Passed::Gone);
    }
    if !gives_way(&error) {
        return Err(error.into());
    }
    Ok(if at < update_at {
        Passed::TableLocked(error)
    } else {
        Passed::RowLocked(error)
    })
}
