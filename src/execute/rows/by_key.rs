//! A statement by ranges of a key: each row exactly once.
//!
//! A batch is one transaction: the largest key of the next few rows, the statement for the range
//! up to it, and that key in the journal. So whatever dies, and whenever, no range is done twice
//! and none is left out. The end is the largest key at the start, so that it ends.
//!
//! A batch waits for a lock for less than `deadlock_timeout`, and then comes again with fewer
//! rows; it yields as a backfill does.

use std::time::{Duration, Instant};

use crate::{
    db::{Failure, Session, bind, get},
    execute::{
        driver::{Driver, connect},
        error::ExecuteError,
        event::EventKind,
        fill::{rows_estimate, signed, unsigned},
        journal::{BackfillRecord, MigrationRecord},
        throttle::{Throttle, Verdict, decide},
    },
    plan::{Batches, Step, backfill::PassSettings, batches::Key},
};

/// Rows of the first batch.
const FIRST: u32 = 200;
/// Rows of a batch at most.
const MOST: u32 = 10_000;
/// The longest pause after a lock that was not to be had.
const LONGEST_PAUSE: Duration = Duration::from_millis(1280);
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// A session that stalls with rows locked is ended by the server after this time.
const STALL: &str = "5s";

/// What a batch did.
enum Batch {
    /// Committed, up to this key.
    Done { key: String, rows: u64 },
    /// No row was left, and the end is recorded.
    Ended,
    /// Rolled back in favour of a client.
    GaveWay(String),
}

/// Where it stands.
struct Place {
    done: Option<String>,
    end: String,
    rows: u64,
}

/// See the module.
pub(super) async fn run(
    driver: &mut Driver<'_>,
    step: &Step,
    batches: &Batches,
    key: &Key<'_>,
    record: &MigrationRecord,
) -> Result<(), ExecuteError> {
    let relation = batches.table.to_string();
    let known = record
        .backfills
        .iter()
        .find(|found| found.step_id == step.id && found.relation == relation);
    if known.is_some_and(|found| found.done) {
        return Ok(());
    }
    let mut watch = connect(&driver.runner.target, "throttle").await?;
    let rows_total = rows_estimate(&mut watch, &batches.relations).await?;
    let oid = oid_of(&mut watch, &relation).await?;
    let mut throttle = Throttle::new(watch, driver.runner.throttle.clone());
    let mut work = Work {
        step,
        batches,
        key,
        relation,
        rows_total,
        timeouts: timeouts(driver).await?,
    };
    let mut place = match known.and_then(|found| Some((found, found.key_end.clone()?))) {
        Some((found, end)) => Place {
            done: found.key_done.clone(),
            end,
            rows: unsigned(found.rows_done),
        },
        None => match work.begin(driver).await? {
            Some(place) => place,
            None => return Ok(()),
        },
    };
    let mut rows = FIRST;
    let mut pause = Duration::from_millis(20);
    let mut looked: Option<Instant> = None;
    let mut told = Instant::now();
    let begun = (Instant::now(), place.rows);
    loop {
        driver.runner.stop.check()?;
        driver.lease.check()?;
        if looked.is_none_or(|at| at.elapsed() >= throttle.settings().every) {
            give_way(driver, step, &mut throttle, oid).await?;
            looked = Some(Instant::now());
        }
        let started = Instant::now();
        match work.batch(driver, &place, rows).await? {
            Batch::Ended => return Ok(()),
            Batch::Done { key, rows: changed } => {
                place.done = Some(key);
                place.rows += changed;
                pause = Duration::from_millis(20);
                rows = next_size(
                    rows,
                    started.elapsed(),
                    driver.runner.backfill.limits.target,
                );
                if told.elapsed() >= TELL_EVERY {
                    told = Instant::now();
                    work.tell(driver, &place, begun);
                }
            }
            Batch::GaveWay(message) => {
                driver.runner.events.note(
                    Some(&step.id),
                    format!(
                        "gave way to a client on {}: {message}",
                        batches.table.short()
                    ),
                );
                rows = (rows / 2).max(1);
                driver.runner.stop.sleep(pause).await?;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// The rows of the next batch: as many as take a quarter of the target, at most twice as many as
/// before.
fn next_size(rows: u32, took: Duration, target: Duration) -> u32 {
    let aim = (target / 4).as_micros().max(1);
    let took = took.as_micros().max(1);
    let fits = u128::from(rows) * aim / took;
    u32::try_from(fits)
        .unwrap_or(u32::MAX)
        .clamp(1, rows.saturating_mul(2))
        .min(MOST)
}

struct Timeouts {
    lock: u128,
    statement: u128,
}

struct Work<'w> {
    step: &'w Step,
    batches: &'w Batches,
    key: &'w Key<'w>,
    relation: String,
    rows_total: i64,
    timeouts: Timeouts,
}

impl Work<'_> {
    /// Finds and records where it will end. `None` when there is no row at all.
    async fn begin(&mut self, driver: &mut Driver<'_>) -> Result<Option<Place>, ExecuteError> {
        let row = driver
            .session
            .row(&self.batches.last_key_sql(self.key))
            .await
            .map_err(|error| ExecuteError::from_db("looking for the largest key", error))?;
        let Some(row) = row else { return Ok(None) };
        let end: String = get(&row, 0)
            .map_err(|error| ExecuteError::from_db("looking for the largest key", error))?;
        let place = Place {
            done: None,
            end,
            rows: 0,
        };
        let record = self.record(&place, None, 0, false);
        driver
            .journal
            .checkpoint(&mut driver.session, &record, driver.lease)
            .await?;
        Ok(Some(place))
    }

    fn record(&self, place: &Place, done: Option<&str>, rows: u64, ended: bool) -> BackfillRecord {
        BackfillRecord {
            step_id: self.step.id.clone(),
            relation: self.relation.clone(),
            filenode: 0,
            end_block: 0,
            block: 0,
            window_pages: 0,
            passes: 0,
            pass: 0,
            rows_done: signed(place.rows + rows),
            rows_total: self.rows_total,
            last_xid: None,
            done: ended,
            key_done: done.map(str::to_owned),
            key_end: Some(place.end.clone()),
        }
    }

    /// The statements in front of the first query.
    fn begin_sql(&self, driver: &Driver<'_>, rows: u32) -> Vec<String> {
        let settings = PassSettings {
            bypass: &driver.plan.bypass,
            search_path: &driver.plan.search_path,
            role: driver.runner.settings.role.as_ref(),
        };
        let mut sql = settings.begin_rows(self.batches);
        // One row cannot be made fewer; and what reads other tables takes its time for that.
        let statement = if rows > 1 && !self.batches.reads_others {
            self.timeouts.statement
        } else {
            0
        };
        sql.extend([
            format!("SET LOCAL lock_timeout = '{}ms'", self.timeouts.lock),
            format!("SET LOCAL statement_timeout = '{statement}ms'"),
            format!("SET LOCAL idle_in_transaction_session_timeout = '{STALL}'"),
        ]);
        sql
    }

    /// One batch, in one transaction with its place in the journal.
    async fn batch(
        &mut self,
        driver: &mut Driver<'_>,
        place: &Place,
        rows: u32,
    ) -> Result<Batch, ExecuteError> {
        let mut first = self.begin_sql(driver, rows);
        let from = place.done.as_deref();
        first.push(self.batches.next_key_sql(self.key, from, &place.end, rows));
        let found = match driver.session.batch(&first).await {
            Ok(found) => found,
            Err(failed) => return self.failed(driver, failed.error).await,
        };
        let to: Option<String> = match found.rows.last() {
            Some((_, row)) => get(row, 0)
                .map_err(|error| ExecuteError::from_db("looking for the next key", error))?,
            None => None,
        };
        let mut second = Vec::new();
        if let Some(to) = &to {
            second.push(self.batches.key_sql(self.key, from, to));
        }
        if driver.runner.settings.role.is_some() {
            // The journal belongs to the role that is connected.
            second.push("SET LOCAL ROLE NONE".to_owned());
        }
        let changed = match driver.session.batch(&second).await {
            Ok(done) if to.is_some() => done.affected.first().copied().unwrap_or_default(),
            Ok(_) => 0,
            Err(failed) => return self.failed(driver, failed.error).await,
        };
        let done = to.as_deref().or(Some(place.end.as_str()));
        let record = self.record(place, done, changed, to.is_none());
        if let Err(error) = driver
            .journal
            .checkpoint(&mut driver.session, &record, driver.lease)
            .await
        {
            // If the connection is gone, so is the transaction.
            drop(driver.session.run("ROLLBACK").await);
            return Err(error);
        }
        if let Err(error) = driver.session.run("COMMIT").await {
            // Whether it was committed is in the journal, for the next run.
            return self.failed(driver, error).await;
        }
        Ok(match to {
            Some(key) => Batch::Done { key, rows: changed },
            None => Batch::Ended,
        })
    }

    /// Rolls back; says whether to come again.
    async fn failed(
        &self,
        driver: &mut Driver<'_>,
        error: crate::db::DbError,
    ) -> Result<Batch, ExecuteError> {
        match error.failure() {
            Failure::ConnectionLost => Err(ExecuteError::ConnectionLost { error }),
            Failure::LockNotAvailable
            | Failure::Deadlock
            | Failure::Serialization
            | Failure::Cancelled => {
                driver
                    .session
                    .run("ROLLBACK")
                    .await
                    .map_err(|error| ExecuteError::from_db("rolling a batch back", error))?;
                Ok(Batch::GaveWay(error.message))
            }
            Failure::Privilege | Failure::Resources | Failure::Other => {
                drop(driver.session.run("ROLLBACK").await);
                Err(ExecuteError::StepFailed {
                    step: self.step.id.clone(),
                    error: Box::new(error),
                    help: Some(
                        "What is done stays done, and is not done again: once the cause is gone, \
                         run zdm apply again."
                            .to_owned(),
                    ),
                })
            }
        }
    }

    fn tell(&self, driver: &Driver<'_>, place: &Place, begun: (Instant, u64)) {
        let seconds = begun.0.elapsed().as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_precision_loss,
            reason = "shown to people; 52 bits are more than they read"
        )]
        let rate = (place.rows - begun.1) as f64 / seconds;
        driver.runner.events.emit(
            Some(&self.step.id),
            EventKind::BackfillProgress {
                relation: self.batches.table.short(),
                rows_done: place.rows,
                rows_total: unsigned(self.rows_total).max(place.rows),
                pages_done: 0,
                pages_total: 0,
                rows_per_second: rate,
                eta_ms: None,
                window_pages: 0,
                passes: 1,
                hot_ratio: None,
            },
        );
    }
}

async fn timeouts(driver: &mut Driver<'_>) -> Result<Timeouts, ExecuteError> {
    let deadlock: i64 = driver
        .session
        .value(
            "SELECT (EXTRACT(epoch FROM pg_catalog.current_setting('deadlock_timeout')\
             ::interval) * 1000)::bigint",
        )
        .await
        .map_err(|error| ExecuteError::from_db("reading deadlock_timeout", error))?;
    let deadlock = u128::from(unsigned(deadlock));
    let wanted = driver.runner.backfill.lock_timeout.as_millis();
    Ok(Timeouts {
        lock: wanted.min(deadlock / 2).max(1),
        statement: (deadlock * 8 / 10).max(1),
    })
}

async fn oid_of(session: &mut Session, relation: &str) -> Result<u32, ExecuteError> {
    let sql = bind(
        "SELECT coalesce(pg_catalog.to_regclass($1)::pg_catalog.oid, 0)::bigint",
        &[relation.into()],
    );
    let oid: i64 = session
        .value(&sql)
        .await
        .map_err(|error| ExecuteError::from_db("looking a table up", error))?;
    Ok(u32::try_from(oid).unwrap_or_default())
}

/// Waits as long as something speaks against going on.
async fn give_way(
    driver: &mut Driver<'_>,
    step: &Step,
    throttle: &mut Throttle,
    oid: u32,
) -> Result<(), ExecuteError> {
    let mut said = String::new();
    loop {
        let signals = throttle
            .read(driver.session.pid(), oid)
            .await
            .map_err(|error| ExecuteError::from_db("looking at the server", error))?;
        let Verdict::Wait(reason) = decide(&signals, throttle.settings()) else {
            return Ok(());
        };
        let why = reason.to_string();
        if why != said {
            driver.runner.events.emit(
                Some(&step.id),
                EventKind::BackfillWaiting { why: why.clone() },
            );
            said = why;
        }
        driver.lease.check()?;
        driver
            .runner
            .stop
            .sleep(throttle.settings().every.min(Duration::from_millis(500)))
            .await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_by_doubling_and_shrink_at_once() {
        let target = Duration::from_millis(100);
        assert_eq!(next_size(200, Duration::from_millis(1), target), 400);
        assert_eq!(next_size(200, Duration::from_millis(25), target), 200);
        assert_eq!(next_size(200, Duration::from_millis(250), target), 20);
        assert_eq!(next_size(1, Duration::from_secs(9), target), 1);
        assert_eq!(next_size(MOST, Duration::from_micros(1), target), MOST);
    }
}
