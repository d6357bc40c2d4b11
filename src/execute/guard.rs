//! Asking for strong locks so that no client waits behind zdm for longer than a blink.
//!
//! The ladder, for a step whose statements need a lock that clients wait for:
//!
//! 1. **Look**: while a transaction that is older than a second holds a lock in the way, do not
//!    ask at all; show who it is, and look again (`look`).
//! 2. In **one transaction of a few seconds**, take the DDL slot of the database, then wait for
//!    SHARE UPDATE EXCLUSIVE on each table, and let go of it. No client waits behind that, and past
//!    `deadlock_timeout` the server cancels an ordinary autovacuum for it.
//! 3. From a savepoint, ask for the strong locks: the first time with NOWAIT, then with a
//!    `lock_timeout` that grows to a tenth of a second. Only the first relation is waited for;
//!    each further one is granted at once, or all are released ([`ladder`]).
//! 4. The locks, the statements, the journal entry and the COMMIT are **one message**: nothing but
//!    the server's own work passes while the locks are held, and a client that dies in between
//!    leaves nothing open (`transaction`).
//!
//! Where LOCK TABLE cannot or may not lock a relation, the statements themselves run under the
//! same short `lock_timeout`. When the budget is spent, no lock is held and nothing is changed.
//! It must never sleep while it holds a strong lock, and never ask without a timeout.
//! Next: [`bare`] for statements that cannot run in a transaction.

pub mod bare;
pub mod ladder;
mod look;
mod transaction;
mod watched;

use std::time::{Duration, Instant};

use crate::{
    db::Session,
    effects::{LockMode, RelationLock},
    execute::{
        error::ExecuteError,
        event::{BlockerInfo, EventKind, Events, in_words},
        journal::Journal,
        lease::Lease,
        settings::ExecuteSettings,
        signals::Stop,
    },
    ident::{Ident, ObjectName},
    plan::{Guard, StepKind, Verb},
};

pub use bare::{BareIndex, BareOutcome, BareWork, run_bare};

use ladder::Ladder;
use look::Look;
use transaction::Attempted;

/// What the guard works with.
#[derive(Debug)]
pub struct GuardContext<'a> {
    /// The session that runs the statements.
    pub session: &'a mut Session,
    /// A second one, to look at the server meanwhile.
    pub watch: &'a mut Session,
    /// Further backends of this run, which are never blockers: workers of a backfill.
    pub own: &'a [i32],
    /// Where the step is recorded.
    pub journal: &'a Journal,
    /// The right to do so.
    pub lease: &'a Lease,
    /// Where events go.
    pub events: &'a Events,
    /// Whether to stop.
    pub stop: &'a Stop,
    /// Timeouts and budgets.
    pub settings: &'a ExecuteSettings,
    /// Randomness for the pauses.
    pub rng: &'a mut fastrand::Rng,
}

impl GuardContext<'_> {
    fn own_pids(&self) -> Vec<i32> {
        let mut own = self.own.to_vec();
        own.extend([self.session.pid(), self.watch.pid()]);
        own
    }

    /// Nobody wants to stop, and the lease is ours.
    fn safe_point(&self) -> Result<(), ExecuteError> {
        self.lease.check()?;
        self.stop.check()
    }
}

/// What is to be run under guard.
#[derive(Debug, Clone, Copy)]
pub struct GuardedWork<'a> {
    /// The step, for events and messages.
    pub step: &'a str,
    /// The strongest lock on each relation that the statements take.
    pub locks: &'a [RelationLock],
    /// How they are asked for.
    pub guard: Guard,
    /// The statements, each one statement.
    pub statements: &'a [String],
    /// The schemas that unqualified names in them are looked up in; none to leave it as it is.
    pub search_path: &'a [Ident],
    /// How long they may take.
    pub hold: Hold,
    /// What is recorded in the same transaction.
    pub record: JournalEntry<'a>,
}

/// How long guarded statements may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hold {
    /// They hold strong locks: [`crate::execute::settings::LockSettings::hold`] bounds them.
    Short,
    /// They hold only locks that no client waits for (VALIDATE), or are meant to take long: they
    /// run to their end, a second request to stop cancels them.
    Long,
}

impl Hold {
    /// How long a step of this kind may take. New rows hold up nobody, however long it takes to
    /// find them.
    pub fn of(kind: &StepKind) -> Self {
        match kind {
            StepKind::LongDdl | StepKind::Rows { verb: Verb::Insert } => Self::Long,
            _ => Self::Short,
        }
    }
}

/// What is recorded in the transaction of guarded statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JournalEntry<'a> {
    /// That the step is done.
    StepDone(&'a str),
    /// That the step has been taken back.
    StepUndone(&'a str),
    /// Nothing: the step has more to do.
    Nothing,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GuardOutcome {
    /// The longest single wait in a lock queue.
    pub waited: Duration,
    /// How long the locks were held.
    pub held: Duration,
    /// How many times they were asked for.
    pub attempts: u32,
}

/// Runs statements in one transaction with their journal entry, asking for their locks as the head
/// of this module says.
pub async fn run_guarded(
    cx: &mut GuardContext<'_>,
    work: &GuardedWork<'_>,
) -> Result<GuardOutcome, ExecuteError> {
    let mut run = Run::new(cx, work).await?;
    let result = run.until_done(cx).await;
    if result.is_err() {
        // Whatever went wrong, no lock stays. If the connection is gone, so are its locks.
        drop(cx.session.run("ROLLBACK").await);
    }
    result
}

/// One call of [`run_guarded`].
struct Run<'w> {
    work: &'w GuardedWork<'w>,
    /// Strong locks that LOCK TABLE takes, in the order of the plan.
    lockable: Vec<RelationLock>,
    /// Views that are locked before them, each with the statement that does it.
    views: Vec<(ObjectName, String)>,
    /// All locks that someone may stand in the way of.
    contested: Vec<RelationLock>,
    ladder: Ladder,
    look: Look,
    started: Instant,
    outcome: GuardOutcome,
    /// How often the statements were cancelled because they took too long.
    too_long: u32,
    /// How long SHARE UPDATE EXCLUSIVE is waited for: past `deadlock_timeout`.
    weak_wait: Duration,
    /// Which of `lockable` is waited for; the further ones must be granted at once.
    waited_for: usize,
    /// Which one was missed last, and how often in a row.
    missed_last: (usize, u32),
}

/// The least pause before a transaction is begun anew.
const START_OVER_PAUSE: Duration = Duration::from_millis(50);

/// How often statements that take too long under strong locks are tried.
const TOO_LONG_LIMIT: u32 = 2;

impl<'w> Run<'w> {
    async fn new(
        cx: &mut GuardContext<'_>,
        work: &'w GuardedWork<'w>,
    ) -> Result<Self, ExecuteError> {
        let deadlock_timeout = transaction::deadlock_timeout(cx.session).await?;
        let lockable = match work.guard {
            Guard::Ladder => transaction::lockable(cx.session, work.locks).await?,
            Guard::None | Guard::Timeout => Vec::new(),
        };
        let views = match work.guard {
            Guard::Ladder => transaction::views(cx.session, work.locks).await?,
            Guard::None | Guard::Timeout => Vec::new(),
        };
        let contested = match work.guard {
            Guard::None => Vec::new(),
            Guard::Ladder | Guard::Timeout => work
                .locks
                .iter()
                .filter(|lock| lock.mode >= LockMode::ShareUpdateExclusive)
                .cloned()
                .collect(),
        };
        Ok(Self {
            work,
            lockable,
            views,
            contested,
            ladder: Ladder::new(cx.settings.locks.first_wait, cx.settings.locks.max_wait),
            look: Look::new(&cx.settings.locks),
            started: Instant::now(),
            outcome: GuardOutcome::default(),
            too_long: 0,
            weak_wait: deadlock_timeout + Duration::from_millis(500),
            waited_for: 0,
            missed_last: (0, 0),
        })
    }

    async fn until_done(
        &mut self,
        cx: &mut GuardContext<'_>,
    ) -> Result<GuardOutcome, ExecuteError> {
        loop {
            cx.safe_point()?;
            self.wait_while_in_sight(cx).await?;
            match transaction::attempt(self, cx).await? {
                Attempted::Committed => {
                    self.tell(cx).await;
                    return Ok(self.outcome);
                }
                Attempted::Again => {
                    drop(cx.session.run("ROLLBACK").await);
                    self.check_budget(cx).await?;
                    cx.stop
                        .sleep(self.ladder.pause(cx.rng).max(START_OVER_PAUSE))
                        .await?;
                }
            }
        }
    }

    /// Looks, and waits while a blocker is in sight that will not be gone in a moment.
    async fn wait_while_in_sight(&mut self, cx: &mut GuardContext<'_>) -> Result<(), ExecuteError> {
        if self.contested.is_empty() {
            return Ok(());
        }
        loop {
            let blockers = self.in_sight(cx).await?;
            if blockers.is_empty() {
                return Ok(());
            }
            if let Some(shown) = self.look.news(&blockers, Instant::now()) {
                let relations: Vec<String> = self.relations();
                cx.events.emit(
                    Some(self.work.step),
                    EventKind::Waiting {
                        what: format!("locks on {}", relations.join(", ")),
                        blockers: shown,
                    },
                );
            }
            self.look
                .end_old_ones(cx, self.work.step, &blockers)
                .await?;
            self.check_budget(cx).await?;
            cx.stop.sleep(cx.settings.locks.poll).await?;
            cx.lease.check()?;
        }
    }

    /// The blockers that are worth waiting for without asking.
    async fn in_sight(
        &mut self,
        cx: &mut GuardContext<'_>,
    ) -> Result<Vec<crate::db::activity::Blocker>, ExecuteError> {
        let own = cx.own_pids();
        let all = crate::db::activity::blockers(cx.watch, &self.contested, &own)
            .await
            .map_err(|error| ExecuteError::from_db("looking for locks in the way", error))?;
        let autovacuum = if self.lockable.is_empty() {
            look::Autovacuum::Blocks
        } else {
            look::Autovacuum::Yields
        };
        Ok(self.look.long_ones(all, autovacuum, Instant::now()))
    }

    async fn check_budget(&mut self, cx: &mut GuardContext<'_>) -> Result<(), ExecuteError> {
        if self.started.elapsed() < cx.settings.locks.budget {
            return Ok(());
        }
        let own = cx.own_pids();
        let now = crate::db::activity::blockers(cx.watch, self.work.locks, &own)
            .await
            .unwrap_or_default();
        Err(ExecuteError::LockBudget {
            step: self.work.step.to_owned(),
            relations: self.relations(),
            budget: in_words(
                u64::try_from(cx.settings.locks.budget.as_millis()).unwrap_or(u64::MAX),
            ),
            blockers: look::once_each(&now),
        })
    }

    fn relations(&self) -> Vec<String> {
        let locks = if self.contested.is_empty() {
            self.work.locks
        } else {
            &self.contested
        };
        locks.iter().map(|lock| lock.relation.short()).collect()
    }

    async fn tell(&self, cx: &mut GuardContext<'_>) {
        if self.contested.is_empty() {
            return;
        }
        let acquired = EventKind::LockAcquired {
            relations: self.relations(),
            waited_ms: milliseconds(self.outcome.waited),
            attempts: self.outcome.attempts,
        };
        let held = EventKind::LockHeld {
            held_ms: milliseconds(self.outcome.held),
        };
        cx.events.emit(Some(self.work.step), acquired);
        cx.events.emit(Some(self.work.step), held.clone());
        // The transaction was committed without waiting for a synchronous standby. This write
        // waits for it, with no lock held, and WAL is replayed in order. The step is done whether
        // or not it succeeds; a broken connection shows at the next statement.
        let event = cx.events.event(0, Some(self.work.step), held);
        drop(cx.journal.record_event(cx.session, &event, cx.lease).await);
    }

    /// Counts a miss of one of `lockable`. One that is missed again and again while another is
    /// waited for never has a quiet moment: then it is the one to wait for. Nothing strong is
    /// held while waiting, so the order of asking cannot cause a deadlock.
    fn missed_at(&mut self, at: usize) {
        self.missed_last = match self.missed_last {
            (last, count) if last == at => (at, count + 1),
            _ => (at, 1),
        };
        if at != self.waited_for && self.missed_last.1 >= 3 {
            self.waited_for = at;
            self.missed_last.1 = 0;
        }
    }

    fn missed(&mut self, cx: &GuardContext<'_>, relation: Option<&ObjectName>, waited: Duration) {
        self.outcome.waited = self.outcome.waited.max(waited);
        cx.events.emit(
            Some(self.work.step),
            EventKind::LockMissed {
                relation: relation.map(ObjectName::short),
                attempt: self.outcome.attempts,
                waited_ms: milliseconds(waited),
            },
        );
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Blockers in the words of events.
fn shown(blockers: &[crate::db::activity::Blocker]) -> Vec<BlockerInfo> {
    blockers.iter().map(BlockerInfo::from).collect()
}
