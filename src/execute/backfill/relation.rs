//! The loop around the passes: relation after relation, waiting where it must.

use std::time::{Duration, Instant};

use crate::{
    db::{DbError, Session, bind, get},
    execute::throttle::{Reason, Signals, Verdict, decide},
    ident::ObjectName,
    plan::backfill::{Classes, Slice},
};

use super::{
    BackfillError, Checkpoint, CheckpointStore, Ended, Event, Job, Order, RelationState,
    Surroundings,
    horizon::{horizon_sql, oldest_holder, read_horizon},
    pass::{self, Pass, Passed, Then, Timeouts},
    progress::{Meter, Progress, ratio},
    sizing::{Measured, Sizing},
    window::{Growth, Next, Schedule, pause, precedes},
};

/// How often snapshots are looked at while there is nothing else to do.
const POLL: Duration = Duration::from_millis(5);
/// The longest it sleeps without asking whether to stop.
const NAP: Duration = Duration::from_millis(100);
/// A wait shorter than this is not worth a word.
const UNSAID: Duration = Duration::from_secs(1);
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// A relation as it was found.
struct Found {
    oid: u32,
    filenode: u32,
    pages: u32,
}

/// Whether to go on with the next relation.
enum Outcome {
    Filled,
    Gone,
    Rewritten,
    Stopped,
}

/// Everything that lives as long as one run.
pub(super) struct Runner<'r, 'j, 's, S> {
    session: &'r mut Session,
    job: &'r Job<'j>,
    around: &'r mut Surroundings<'s, S>,
    timeouts: Timeouts,
    started: Instant,
    rows: u64,
    /// The last transaction that filled a row.
    xid: u64,
    /// Thousandths of pages of relations that are done.
    millipages_before: u64,
    pages_total: u64,
    meter: Meter,
    told: Option<Instant>,
    looked: Option<Instant>,
    /// What was read last. It only moves forward, so an old reading errs on the safe side; before
    /// the first pass nothing waits for it.
    horizon: Option<u32>,
}

impl<'r, 'j, 's, S: CheckpointStore> Runner<'r, 'j, 's, S> {
    pub(super) async fn new(
        session: &'r mut Session,
        job: &'r Job<'j>,
        around: &'r mut Surroundings<'s, S>,
    ) -> Result<Self, BackfillError> {
        let deadlock: i64 = session
            .value(
                "SELECT (EXTRACT(epoch FROM pg_catalog.current_setting('deadlock_timeout')\
                 ::interval) * 1000)::bigint",
            )
            .await?;
        let deadlock = Duration::from_millis(u64::try_from(deadlock).unwrap_or(1000));
        Ok(Self {
            timeouts: Timeouts::new(job.settings.lock_timeout, deadlock),
            session,
            job,
            around,
            started: Instant::now(),
            rows: job.resume.map_or(0, |checkpoint| checkpoint.rows),
            xid: job.resume.map_or(0, |checkpoint| checkpoint.xid),
            millipages_before: 0,
            pages_total: 0,
            meter: Meter::default(),
            told: None,
            looked: None,
            horizon: None,
        })
    }

    pub(super) async fn run(mut self) -> Result<Ended, BackfillError> {
        let relations = self.job.work.relations();
        let mut resume = self.job.resume;
        // A checkpoint of a relation that is not in the list any more says nothing: filling again
        // what is filled does no harm.
        let first = resume.map_or(0, |checkpoint| {
            let at = relations
                .iter()
                .position(|name| *name == checkpoint.relation);
            match (at, checkpoint.state) {
                (None, _) => 0,
                (Some(at), RelationState::Filling) => at,
                (Some(at), RelationState::Filled) => at + 1,
            }
        });
        for relation in &relations[first..] {
            self.pages_total += match find(self.session, relation).await? {
                Some(found) => u64::from(found.pages),
                None => 0,
            };
        }
        for relation in &relations[first..] {
            loop {
                let from = resume.take().filter(|from| from.relation == *relation);
                match self.relation(relation, from).await? {
                    Outcome::Filled => self.tell(Event::RelationFilled {
                        relation: relation.clone(),
                    }),
                    Outcome::Gone => self.tell(Event::RelationGone {
                        relation: relation.clone(),
                    }),
                    Outcome::Rewritten => {
                        self.tell(Event::Rewritten {
                            relation: relation.clone(),
                        });
                        continue;
                    }
                    Outcome::Stopped => return Ok(Ended::Stopped { rows: self.rows }),
                }
                break;
            }
        }
        Ok(Ended::Filled { rows: self.rows })
    }

    /// Fills one relation, or what a checkpoint says is left of it.
    async fn relation(
        &mut self,
        name: &ObjectName,
        from: Option<&Checkpoint>,
    ) -> Result<Outcome, BackfillError> {
        let Some(found) = find(self.session, name).await? else {
            return Ok(Outcome::Gone);
        };
        // In another file rows are in other places.
        let (block, end) = match from {
            Some(from) if from.filenode == found.filenode => (from.block, from.end),
            Some(_) | None => (0, found.pages),
        };
        self.tell(Event::RelationStarted {
            relation: name.clone(),
            block,
            end,
        });
        let sizing = Sizing::new(self.job.settings.limits);
        let mut filling = Filling {
            name,
            found: &found,
            plan: Schedule::new(block, end, sizing),
            growth: Growth::Bounded,
            unbounded_at: 0,
            table_failures: 0,
            updated: 0,
            hot: Some(0),
        };
        let outcome = self.fill(&mut filling).await?;
        if matches!(outcome, Outcome::Filled) {
            self.millipages_before += u64::from(end) * 1000;
            if block >= end {
                // No pass has recorded that nothing is left.
                self.record_empty(name, &found).await?;
            }
        }
        Ok(outcome)
    }

    async fn fill(&mut self, filling: &mut Filling<'_>) -> Result<Outcome, BackfillError> {
        let mut waits = Wait::default();
        if self.looked.is_none() {
            self.look_around(filling).await?;
        }
        loop {
            if (self.around.order)() == Order::Stop {
                return Ok(Outcome::Stopped);
            }
            let next = filling
                .plan
                .next(self.horizon, self.started.elapsed(), filling.growth);
            match next {
                Next::Finished => return Ok(Outcome::Filled),
                Next::Fill(slice) => {
                    if let Some(waited) = waits.end() {
                        self.tell(Event::GoingOn { waited });
                    }
                    if let Some(outcome) = self.slice(filling, slice).await? {
                        return Ok(outcome);
                    }
                }
                Next::WaitUntil(at) => {
                    let left = at.saturating_sub(self.started.elapsed());
                    tokio::time::sleep(left.min(NAP)).await;
                    self.look_at_horizon().await?;
                }
                Next::WaitForSnapshots => {
                    self.wait_for_snapshots(filling, &mut waits).await?;
                }
            }
        }
    }

    async fn wait_for_snapshots(
        &mut self,
        filling: &mut Filling<'_>,
        waits: &mut Wait,
    ) -> Result<(), BackfillError> {
        let waited = waits.so_far();
        let spent = self
            .job
            .settings
            .patience
            .is_some_and(|patience| waited >= patience);
        if spent {
            let holder = self.holder().await?;
            filling.growth = Growth::Unbounded;
            filling.unbounded_at = filling.plan.newest_fill().unwrap_or_default();
            self.tell(Event::GrowthUnbounded { holder });
            return Ok(());
        }
        if waited >= UNSAID && !waits.said {
            waits.said = true;
            let holder = self.holder().await?;
            self.tell(Event::WaitingForSnapshots { holder });
        }
        // Old snapshots need not be looked at as often as young ones.
        let sleep = (waited / 10).clamp(POLL, NAP);
        tokio::time::sleep(sleep).await;
        self.look_at_horizon().await?;
        Ok(())
    }

    async fn holder(&mut self) -> Result<String, DbError> {
        Ok(oldest_holder(self.session)
            .await?
            .unwrap_or_else(|| "a snapshot that has just ended".to_owned()))
    }

    async fn look_at_horizon(&mut self) -> Result<(), DbError> {
        let row = self.session.row(&horizon_sql()).await?;
        self.horizon = read_horizon(row.as_ref())?;
        Ok(())
    }

    /// Fills one slice. Returns an outcome when the relation is not to be gone on with.
    async fn slice(
        &mut self,
        filling: &mut Filling<'_>,
        slice: Slice,
    ) -> Result<Option<Outcome>, BackfillError> {
        let passed = self.pass(filling, slice).await?;
        if !matches!(passed, Passed::TableLocked(_)) {
            filling.table_failures = 0;
        }
        match passed {
            Passed::Filled(filled) => {
                if let Some(horizon) = &filled.horizon {
                    self.horizon = horizon.oldest;
                }
                filling.took_in(&filled);
                filling.plan.done(&slice, &filled.measured, filled.xid);
                self.rows += filled.measured.rows;
                if filled.measured.rows > 0 {
                    self.xid = filled.xid;
                }
                let back = filling.growth == Growth::Unbounded
                    && self
                        .horizon
                        .is_none_or(|horizon| precedes(filling.unbounded_at, horizon));
                if back {
                    filling.growth = Growth::Bounded;
                    self.tell(Event::GrowthBounded);
                }
                self.tell_progress(filling, &slice);
                Ok(None)
            }
            Passed::Rewritten => Ok(Some(Outcome::Rewritten)),
            Passed::Gone => Ok(Some(Outcome::Gone)),
            Passed::RowLocked(error) => {
                filling.plan.failed(&slice, self.started.elapsed());
                self.gave_way(filling, &slice, error);
                Ok(None)
            }
            Passed::TableLocked(error) => {
                filling.table_failures += 1;
                self.gave_way(filling, &slice, error);
                sleep(pause(filling.table_failures), self.around.order).await;
                Ok(None)
            }
        }
    }

    fn gave_way(&mut self, filling: &Filling<'_>, slice: &Slice, error: DbError) {
        self.tell(Event::GaveWay {
            relation: filling.name.clone(),
            pages: (slice.start, slice.end),
            message: error.message,
        });
    }

    /// Runs one pass and, when it is time, looks at the server meanwhile; then yields if need be.
    async fn pass(
        &mut self,
        filling: &mut Filling<'_>,
        slice: Slice,
    ) -> Result<Passed, BackfillError> {
        let pass = Pass {
            relation: filling.name,
            oid: filling.found.oid,
            slice,
            timeouts: self.timeouts,
            then: if filling.plan.is_ready_besides(&slice, self.horizon) {
                Then::Nothing
            } else {
                Then::Horizon
            },
        };
        let (plan, name, found) = (&filling.plan, filling.name, filling.found);
        let (rows, last) = (self.rows, self.xid);
        let checkpoint = move |measured: &Measured, xid, filenode| {
            let block = plan.low_water_after(&slice);
            let (Classes::One(pass) | Classes::From(pass)) = slice.classes;
            (filenode == found.filenode).then(|| Checkpoint {
                relation: name.clone(),
                state: if block >= plan.end() {
                    RelationState::Filled
                } else {
                    RelationState::Filling
                },
                filenode,
                block,
                end: plan.end(),
                window: slice.pages(),
                passes: slice.passes,
                pass,
                rows: rows + measured.rows,
                xid: if measured.rows > 0 { xid } else { last },
            })
        };
        let pid = self.session.pid();
        let every = self.around.throttle.settings().every;
        let paused = (self.around.order)() == Order::Pause;
        let due = self.looked.is_none_or(|at| at.elapsed() >= every);
        let filled = pass::run(self.session, self.job, self.around.store, &pass, checkpoint);
        if !due && !paused {
            return filled.await;
        }
        // At the same time, so that whoever waits for a row of this pass is seen.
        let (filled, signals) =
            tokio::join!(filled, self.around.throttle.read(pid, filling.found.oid));
        let (filled, signals) = (filled?, signals?);
        self.judge(filling, signals).await?;
        Ok(filled)
    }

    /// Looks at the server before the first pass, and yields if need be.
    async fn look_around(&mut self, filling: &mut Filling<'_>) -> Result<(), BackfillError> {
        let pid = self.session.pid();
        let signals = self.around.throttle.read(pid, filling.found.oid).await?;
        self.judge(filling, signals).await
    }

    async fn judge(
        &mut self,
        filling: &mut Filling<'_>,
        mut signals: Signals,
    ) -> Result<(), BackfillError> {
        self.looked = Some(Instant::now());
        signals.paused = (self.around.order)() == Order::Pause;
        match decide(&signals, self.around.throttle.settings()) {
            Verdict::Go => Ok(()),
            Verdict::Wait(reason) => {
                if matches!(reason, Reason::Blocked { .. }) {
                    filling.plan.shrink();
                }
                self.yield_to(reason, filling.found.oid).await
            }
        }
    }

    /// Waits until nothing speaks against going on, or until it is told to stop.
    async fn yield_to(&mut self, mut reason: Reason, oid: u32) -> Result<(), BackfillError> {
        let begun = Instant::now();
        self.tell(Event::Yielding(reason.clone()));
        loop {
            let pause = match &reason {
                // Whoever waited has the row since the pass ended.
                Reason::Blocked { .. } => NAP,
                Reason::Paused
                | Reason::LagBytes { .. }
                | Reason::LagTime { .. }
                | Reason::SlotBacklog { .. }
                | Reason::ArchiveBacklog { .. }
                | Reason::ArchiveFailing { .. }
                | Reason::AutovacuumWaits
                | Reason::Wraparound
                | Reason::Active { .. }
                | Reason::Query
                | Reason::Unreadable { .. } => self.around.throttle.settings().every.min(NAP * 5),
            };
            sleep(pause, self.around.order).await;
            if (self.around.order)() == Order::Stop {
                return Ok(());
            }
            let mut signals = self.around.throttle.read(self.session.pid(), oid).await?;
            signals.paused = (self.around.order)() == Order::Pause;
            self.looked = Some(Instant::now());
            match decide(&signals, self.around.throttle.settings()) {
                Verdict::Go => break,
                Verdict::Wait(now) => {
                    if std::mem::discriminant(&now) != std::mem::discriminant(&reason) {
                        self.tell(Event::Yielding(now.clone()));
                    }
                    reason = now;
                }
            }
        }
        let waited = begun.elapsed();
        self.tell(Event::GoingOn { waited });
        Ok(())
    }

    /// Records a relation that has no page to fill.
    async fn record_empty(
        &mut self,
        name: &ObjectName,
        found: &Found,
    ) -> Result<(), BackfillError> {
        let checkpoint = Checkpoint {
            relation: name.clone(),
            state: RelationState::Filled,
            filenode: found.filenode,
            block: found.pages,
            end: found.pages,
            window: 0,
            passes: 0,
            pass: 0,
            rows: self.rows,
            xid: self.xid,
        };
        self.session.run("BEGIN").await?;
        if let Err(error) = self.around.store.store(self.session, &checkpoint).await {
            // The first error is the one to report; a lost connection has nothing to roll back.
            let _ = self.session.run("ROLLBACK").await;
            return Err(error.into());
        }
        self.session.run("COMMIT").await?;
        Ok(())
    }

    fn tell(&mut self, event: Event) {
        (self.around.listener)(event);
    }

    fn tell_progress(&mut self, filling: &Filling<'_>, slice: &Slice) {
        let millipages = self.millipages_before + filling.plan.done_millipages();
        self.meter
            .sample(self.started.elapsed(), self.rows, millipages);
        let last = filling.plan.low_water() >= filling.plan.end();
        if !last && self.told.is_some_and(|at| at.elapsed() < TELL_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        let total = self.pages_total.max(millipages.div_ceil(1000));
        let progress = Progress {
            rows: self.rows,
            pages_done: millipages / 1000,
            pages_total: total,
            rows_per_second: self.meter.rows_per_second(),
            eta: self.meter.eta((total * 1000).saturating_sub(millipages)),
            hot_ratio: filling.hot.and_then(|hot| ratio(hot, filling.updated)),
            window: slice.pages(),
            passes: slice.passes,
            open_windows: filling.plan.open_windows(),
        };
        self.tell(Event::Progress(progress));
    }
}

/// One relation while it is being filled.
struct Filling<'f> {
    name: &'f ObjectName,
    found: &'f Found,
    plan: Schedule,
    growth: Growth,
    /// The newest pass when patience was spent: once it is old enough, growth is bounded again.
    unbounded_at: u64,
    /// How often in a row the table's own lock was not to be had.
    table_failures: u32,
    updated: u64,
    /// `None` as soon as the server has not counted.
    hot: Option<u64>,
}

impl Filling<'_> {
    fn took_in(&mut self, filled: &pass::Filled) {
        self.updated += filled.measured.rows;
        self.hot = self.hot.zip(filled.measured.hot).map(|(a, b)| a + b);
    }
}

/// A wait for snapshots.
#[derive(Default)]
struct Wait {
    begun: Option<Instant>,
    said: bool,
}

impl Wait {
    fn so_far(&mut self) -> Duration {
        self.begun.get_or_insert_with(Instant::now).elapsed()
    }

    /// How long it was, if anything was said about it.
    fn end(&mut self) -> Option<Duration> {
        let begun = self.begun.take()?;
        std::mem::take(&mut self.said).then(|| begun.elapsed())
    }
}

/// Sleeps, and wakes up early when it is told to stop.
async fn sleep(time: Duration, order: &(dyn Fn() -> Order + Sync)) {
    let until = Instant::now() + time;
    while order() != Order::Stop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(NAP)).await;
    }
}

/// Looks a relation up. `None` when there is no such relation.
async fn find(session: &mut Session, name: &ObjectName) -> Result<Option<Found>, BackfillError> {
    let sql = bind(
        "SELECT c.oid::bigint, c.relkind::text, \
         coalesce(pg_catalog.pg_relation_filenode(c.oid), 0)::bigint, \
         coalesce(CASE WHEN c.relkind = 'r' THEN pg_catalog.pg_relation_size(c.oid) \
             / pg_catalog.current_setting('block_size')::bigint END, 0) \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1 AND c.relname = $2",
        &[name.schema.as_str().into(), name.name.as_str().into()],
    );
    let Some(row) = session.row(&sql).await? else {
        return Ok(None);
    };
    let kind: String = get(&row, 1)?;
    let what = match kind.as_str() {
        "r" => None,
        "p" => Some("a partitioned table"),
        "f" => Some("a foreign table"),
        "v" => Some("a view"),
        "m" => Some("a materialized view"),
        _ => Some("no table"),
    };
    if let Some(what) = what {
        return Err(BackfillError::NotATable {
            relation: name.clone(),
            what,
        });
    }
    let number = |column: usize| -> Result<u32, DbError> {
        let number: i64 = get(&row, column)?;
        // Object, file and block numbers are unsigned 32-bit integers in the server.
        Ok(u32::try_from(number).unwrap_or(u32::MAX))
    };
    Ok(Some(Found {
        oid: number(0)?,
        filenode: number(2)?,
        pages: number(3)?,
    }))
}
