//! Statements that cannot run in a transaction: CREATE and DROP INDEX CONCURRENTLY and the like.
//!
//! They run without `lock_timeout` (it would apply to the waits inside and leave an INVALID index
//! behind, pitfall 14) but with a deadline, watched from a second session that shows what they wait
//! for and how far they are. A failed build leaves an INVALID index that still slows down and, if
//! unique, restricts writes (pitfall 18): ours, known by the name in the journal and by an earlier
//! attempt, is dropped concurrently, at once after the failure and again before the next build. An
//! INVALID index that zdm did not make is never touched.
//!
//! The journal entry follows in a transaction of its own; should zdm die in between, the next run
//! finds the valid index and only records it.
//! Next: `rebuild` for REINDEX.

mod rebuild;

use std::time::Duration;

use serde::Deserialize;

use super::{
    GuardContext, JournalEntry,
    watched::{self, Ended, Limits, Report},
};
use crate::{
    db::{BatchError, DbError, Failure, activity::json_rows, bind},
    execute::{
        error::ExecuteError,
        event::in_words,
        journal::record::StepState,
        lease::{self, Sessions},
        settings::OnStop,
    },
    ident::{Ident, ObjectName},
    plan::StepKind,
};

/// What is to be run outside a transaction.
#[derive(Debug, Clone, Copy)]
pub struct BareWork<'a> {
    /// The step, for events and messages.
    pub step: &'a str,
    /// The statements, each one statement; each runs by itself.
    pub statements: &'a [String],
    /// The schemas that unqualified names in them are looked up in. Behind a pooler it cannot be
    /// set for a statement outside a transaction, so such statements should name schemas.
    pub search_path: &'a [Ident],
    /// The index they make or drop.
    pub index: Option<BareIndex<'a>>,
    /// What is recorded afterwards.
    pub record: JournalEntry<'a>,
}

/// The index that a statement outside a transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareIndex<'a> {
    /// It is made.
    Create {
        /// Its name, as recorded in the journal with the plan.
        index: &'a ObjectName,
        /// Its table.
        table: &'a ObjectName,
    },
    /// It is built anew beside itself.
    Rebuild {
        /// Its name.
        index: &'a ObjectName,
        /// Its table.
        table: &'a ObjectName,
    },
    /// What an interrupted rebuild has left is dropped, whatever the statements are.
    Clear {
        /// Its name.
        index: &'a ObjectName,
        /// Its table.
        table: &'a ObjectName,
    },
    /// It is dropped.
    Drop {
        /// Its name.
        index: &'a ObjectName,
        /// Its table.
        table: &'a ObjectName,
    },
}

impl<'a> BareIndex<'a> {
    /// The index that a step is about, if it is about one.
    pub fn of(kind: &'a StepKind) -> Option<Self> {
        match kind {
            StepKind::CreateIndex { index, table } => Some(Self::Create { index, table }),
            StepKind::DropIndex { index, table } => Some(Self::Drop { index, table }),
            StepKind::Reindex { index, table } => Some(Self::Rebuild { index, table }),
            StepKind::Bare
            | StepKind::Ddl
            | StepKind::LongDdl
            | StepKind::Backfill { .. }
            | StepKind::Rows { .. }
            | StepKind::Batches { .. }
            | StepKind::Verify { .. }
            | StepKind::WaitForSnapshots => None,
        }
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BareOutcome {
    /// The statements were run.
    Run,
    /// There was nothing to do any more.
    AlreadyDone,
}

/// How often a build that lost a deadlock or a lock is begun again.
const BUILD_ATTEMPTS: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "one per column of the query")]
struct IndexState {
    is_index: bool,
    of_table: bool,
    valid: bool,
    being_built: bool,
}

/// Runs statements outside a transaction and records them.
pub async fn run_bare(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
) -> Result<BareOutcome, ExecuteError> {
    cx.safe_point()?;
    // A lease cannot fence what runs outside transactions; a lock of this very session can.
    lease::hold_session(cx.session, cx.lease, cx.stop, cx.settings.locks.budget).await?;
    let result = match work.index {
        Some(BareIndex::Create { index, table }) => build(cx, work, index, table).await,
        Some(BareIndex::Drop { index, table }) => drop_index(cx, work, index, table).await,
        Some(BareIndex::Rebuild { index, table }) => rebuild::rebuild(cx, work, index, table).await,
        Some(BareIndex::Clear { index, table }) => rebuild::clear(cx, work, index, table).await,
        None => plainly(cx, work).await,
    };
    let released = lease::release_session(cx.session, cx.lease).await;
    let outcome = result?;
    record(cx, work).await?;
    released?;
    Ok(outcome)
}

async fn build(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<BareOutcome, ExecuteError> {
    match look(cx, index, table).await? {
        None => {}
        Some(state) if state.is_index && state.of_table && state.valid => {
            return Ok(BareOutcome::AlreadyDone);
        }
        Some(state) => {
            let ours = state.is_index && state.of_table && was_begun_before(cx, work.step).await?;
            if !ours {
                return Err(ExecuteError::Refused {
                    code: "index-exists",
                    message: format!(
                        "{} exists already, and not because of zdm{}",
                        index.short(),
                        if state.is_index {
                            ": it is an INVALID or another table's index"
                        } else {
                            ""
                        }
                    ),
                    next: format!("Drop it (DROP INDEX CONCURRENTLY {index};) or rename it."),
                });
            }
            wait_for_builder(cx, work, index, table).await?;
            remove_leftover(cx, work, index, table).await?;
        }
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        let failed = match statements(cx, work, Report::IndexBuild).await? {
            Finished::Done => match look(cx, index, table).await? {
                Some(state) if state.valid => return Ok(BareOutcome::Run),
                // IF NOT EXISTS "succeeds" on anything that has the name (pitfall 14).
                Some(_) | None => {
                    return Err(ExecuteError::StepFailed {
                        step: work.step.to_owned(),
                        error: Box::new(DbError {
                            message: format!("{} is not valid after its build", index.short()),
                            sqlstate: Some("XX000".to_owned()),
                            detail: None,
                            statement: work.statements.first().cloned(),
                        }),
                        help: None,
                    });
                }
            },
            Finished::Failed(error) => error,
        };
        // After a lost connection there is nothing to clean with; the next run does it.
        if let ExecuteError::ConnectionLost { .. } | ExecuteError::LeaseLost { .. } = failed {
            return Err(failed);
        }
        remove_leftover(cx, work, index, table).await?;
        let failure = match &failed {
            ExecuteError::StepFailed { error, .. } => Some(error.failure()),
            _ => None,
        };
        let again = matches!(
            failure,
            Some(Failure::Deadlock | Failure::LockNotAvailable | Failure::Serialization)
        );
        if !again || attempt >= BUILD_ATTEMPTS {
            return Err(failed);
        }
        cx.events
            .note(Some(work.step), format!("building again: {failed}"));
        cx.safe_point()?;
        cx.stop.sleep(Duration::from_secs(1)).await?;
    }
}

async fn drop_index(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<BareOutcome, ExecuteError> {
    if look(cx, index, table).await?.is_none() {
        return Ok(BareOutcome::AlreadyDone);
    }
    // One that was cancelled leaves the index INVALID, and running it again finishes it.
    plainly(cx, work).await
}

async fn plainly(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
) -> Result<BareOutcome, ExecuteError> {
    match statements(cx, work, Report::Waits).await? {
        Finished::Done => Ok(BareOutcome::Run),
        Finished::Failed(error) => Err(error),
    }
}

/// Waits until a build by an earlier run, whose backend still lives, has ended.
async fn wait_for_builder(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<(), ExecuteError> {
    let started = std::time::Instant::now();
    let mut told = false;
    while look(cx, index, table)
        .await?
        .is_some_and(|state| state.being_built)
    {
        if !told {
            told = true;
            cx.events.note(
                Some(work.step),
                format!("an earlier build of {} is still running", index.short()),
            );
        }
        if started.elapsed() > cx.settings.bare.deadline {
            return Err(overdue(cx, work, Vec::new()));
        }
        cx.safe_point()?;
        cx.stop.sleep(cx.settings.bare.poll).await?;
    }
    Ok(())
}

/// Drops what a failed build of ours has left.
async fn remove_leftover(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<(), ExecuteError> {
    match look(cx, index, table).await? {
        Some(state) if state.is_index && state.of_table && !state.valid => {}
        Some(_) | None => return Ok(()),
    }
    cx.events.note(
        Some(work.step),
        format!("dropping the INVALID {} of a failed build", index.short()),
    );
    let sql = [format!("DROP INDEX CONCURRENTLY IF EXISTS {index}")];
    // Also while stopping: what it leaves would restrict writes. A second request ends it.
    let limits = Limits {
        pid: own_pid(cx),
        deadline: Some(cx.settings.bare.deadline),
        on_stop: OnStop::Wait,
        report: Report::Waits,
    };
    match watched::run(cx, work.step, &sql, &limits).await? {
        Ended::Done(_) => Ok(()),
        Ended::Overdue { blockers } => Err(overdue(cx, work, blockers)),
        Ended::Stopped => Err(stopped()),
        Ended::Failed(failed) => Err(step_failed(cx, work, failed)),
    }
}

enum Finished {
    Done,
    Failed(ExecuteError),
}

/// Runs each statement by itself.
async fn statements(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    report: Report,
) -> Result<Finished, ExecuteError> {
    let limits = Limits {
        pid: own_pid(cx),
        deadline: Some(cx.settings.bare.deadline),
        on_stop: cx.settings.bare.on_stop,
        report,
    };
    let real = cx.lease.sessions() == Sessions::Real;
    for statement in work.statements {
        if real {
            set_identity(cx, work.search_path).await?;
        }
        let ended = watched::run(cx, work.step, std::slice::from_ref(statement), &limits).await;
        if real {
            reset_identity(cx).await;
        }
        match ended? {
            Ended::Done(_) => {}
            Ended::Overdue { blockers } => {
                return Ok(Finished::Failed(overdue(cx, work, blockers)));
            }
            Ended::Stopped => return Ok(Finished::Failed(stopped())),
            Ended::Failed(failed) => return Ok(Finished::Failed(step_failed(cx, work, failed))),
        }
    }
    Ok(Finished::Done)
}

async fn set_identity(
    cx: &mut GuardContext<'_>,
    search_path: &[Ident],
) -> Result<(), ExecuteError> {
    let mut sql = String::from("SET lock_timeout = 0; SET statement_timeout = 0");
    if let Some(role) = &cx.settings.role {
        sql.push_str("; SET ROLE ");
        sql.push_str(&role.quoted());
    }
    if !search_path.is_empty() {
        let schemas: Vec<String> = search_path.iter().map(Ident::quoted).collect();
        sql.push_str("; SET search_path = ");
        sql.push_str(&schemas.join(", "));
    }
    cx.session
        .run(&sql)
        .await
        .map(drop)
        .map_err(|error| ExecuteError::from_db("preparing a statement", error))
}

async fn reset_identity(cx: &mut GuardContext<'_>) {
    // If it fails, the connection is gone, and its settings with it.
    drop(cx.session.run("RESET search_path; RESET ROLE").await);
}

async fn record(cx: &mut GuardContext<'_>, work: &BareWork<'_>) -> Result<(), ExecuteError> {
    match work.record {
        JournalEntry::StepDone(step) => cx.journal.step_done(cx.session, step, cx.lease).await,
        JournalEntry::StepUndone(step) => cx.journal.step_undone(cx.session, step, cx.lease).await,
        JournalEntry::Nothing => Ok(()),
    }
}

/// Whether an earlier run has begun the step: then what has the index's name is ours.
async fn was_begun_before(cx: &mut GuardContext<'_>, step: &str) -> Result<bool, ExecuteError> {
    let record = cx.journal.load(cx.session, cx.lease.migration()).await?;
    Ok(record
        .as_ref()
        .and_then(|record| record.step(step))
        .is_some_and(|step| {
            let begun_now = u32::from(step.state == StepState::Running);
            step.attempts > begun_now || step.state == StepState::Done
        }))
}

async fn look(
    cx: &mut GuardContext<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<Option<IndexState>, ExecuteError> {
    let (index, table) = (index.to_string(), table.to_string());
    let sql = bind(
        include_str!("../sql/index_state.sql"),
        &[(&index).into(), (&table).into()],
    );
    let states = json_rows(cx.session, &sql)
        .await
        .map_err(|error| ExecuteError::from_db("looking at an index", error))?;
    Ok(states.into_iter().next())
}

/// The backend of the session; behind a pooler it is not known.
fn own_pid(cx: &GuardContext<'_>) -> Option<i32> {
    match cx.lease.sessions() {
        Sessions::Real => Some(cx.session.pid()),
        Sessions::Pooled => None,
    }
}

fn stopped() -> ExecuteError {
    ExecuteError::Stopped {
        why: String::from("asked to stop, and the running statement was cancelled"),
    }
}

fn overdue(
    cx: &GuardContext<'_>,
    work: &BareWork<'_>,
    blockers: Vec<crate::execute::event::BlockerInfo>,
) -> ExecuteError {
    ExecuteError::Deadline {
        step: work.step.to_owned(),
        deadline: in_words(super::milliseconds(cx.settings.bare.deadline)),
        blockers,
    }
}

fn step_failed(cx: &GuardContext<'_>, work: &BareWork<'_>, failed: BatchError) -> ExecuteError {
    let error = failed.error;
    if error.failure() == Failure::ConnectionLost {
        return ExecuteError::ConnectionLost { error };
    }
    let help = match (error.sqlstate.as_deref(), work.index) {
        (Some("23505"), Some(BareIndex::Create { table, .. })) => Some(format!(
            "{} holds rows that the index does not allow ({}). Remove or change them, then run \
             the same command again; no part of the index is left.",
            table.short(),
            error.detail.as_deref().unwrap_or("see the server's log"),
        )),
        (Some("57014"), _) => Some(format!(
            "Someone else cancelled it (backend {}). Run the same command again.",
            cx.session.pid()
        )),
        _ => None,
    };
    ExecuteError::StepFailed {
        step: work.step.to_owned(),
        error: Box::new(error),
        help,
    }
}
