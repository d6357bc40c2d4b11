//! REINDEX INDEX CONCURRENTLY, and what an interrupted one leaves behind.
//!
//! The server builds a second index (`…_ccnew`), exchanges the two and drops the old one
//! (`…_ccold`); interrupted, it leaves one of them INVALID: written to, and of no use. Those of an
//! earlier attempt of this very step are dropped. Where it is the old one that is left, the work
//! was done. An INVALID index under such a name that zdm has not left is never touched.

use serde::Deserialize;

use super::{
    BareOutcome, BareWork, Finished, OnStop, StepState, overdue, own_pid, statements, step_failed,
    stopped, was_begun_before,
};
use crate::{
    db::{Failure, activity::json_rows, bind},
    execute::{
        error::ExecuteError,
        guard::{
            GuardContext,
            watched::{self, Ended, Limits, Report},
        },
    },
    ident::{Ident, ObjectName},
    plan::recipes::reindex::{OLD, leftover_name, leftover_names},
};

/// How often a rebuild that lost a deadlock or a lock is begun again.
const ATTEMPTS: u32 = 3;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Leftover {
    schema: String,
    name: String,
    running: bool,
}

impl Leftover {
    fn full_name(&self) -> ObjectName {
        ObjectName::new(
            Ident::exact(self.schema.clone()),
            Ident::exact(self.name.clone()),
        )
    }
}

/// What was found of an earlier attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Earlier {
    Nothing,
    /// It had built and exchanged the index.
    Finished,
}

/// Builds an index anew while it is used.
pub(super) async fn rebuild(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<BareOutcome, ExecuteError> {
    if was_begun_before(cx, work.step).await? {
        wait_for_earlier(cx, work, index, table).await?;
        if remove(cx, work, index, table).await? == Earlier::Finished {
            return Ok(BareOutcome::AlreadyDone);
        }
    }
    // Whatever is there now under such a name is somebody else's.
    let others = look(cx, index, table).await?;
    if let Some(other) = others.first() {
        return Err(ExecuteError::Refused {
            code: "index-exists",
            message: format!(
                "an earlier REINDEX of {} was interrupted, not by zdm, and has left {}",
                index.short(),
                other.full_name().short()
            ),
            next: format!(
                "If no REINDEX of it is running, drop it: DROP INDEX CONCURRENTLY {};",
                other.full_name()
            ),
        });
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        let failed = match statements(cx, work, Report::IndexBuild).await? {
            Finished::Done => return Ok(BareOutcome::Run),
            Finished::Failed(error) => error,
        };
        // After a lost connection there is nothing to clean with; the next run does it.
        if let ExecuteError::ConnectionLost { .. } | ExecuteError::LeaseLost { .. } = failed {
            return Err(failed);
        }
        if remove(cx, work, index, table).await? == Earlier::Finished {
            return Ok(BareOutcome::Run);
        }
        let failure = match &failed {
            ExecuteError::StepFailed { error, .. } => Some(error.failure()),
            _ => None,
        };
        let again = matches!(
            failure,
            Some(Failure::Deadlock | Failure::LockNotAvailable | Failure::Serialization)
        );
        if !again || attempt >= ATTEMPTS {
            return Err(failed);
        }
        cx.events
            .note(Some(work.step), format!("building again: {failed}"));
        cx.safe_point()?;
        cx.stop.sleep(std::time::Duration::from_secs(1)).await?;
    }
}

/// Drops what an interrupted attempt of the step has left; there may be nothing.
pub(super) async fn clear(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<BareOutcome, ExecuteError> {
    let record = cx.journal.load(cx.session, cx.lease.migration()).await?;
    let ended = record
        .as_ref()
        .and_then(|record| record.step(work.step))
        .is_some_and(|step| step.state == StepState::Done);
    // One that went to its end has left nothing: what is there is somebody else's.
    if !ended {
        wait_for_earlier(cx, work, index, table).await?;
        remove(cx, work, index, table).await?;
    }
    Ok(BareOutcome::Run)
}

async fn look(
    cx: &mut GuardContext<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<Vec<Leftover>, ExecuteError> {
    let names = leftover_names(&index.name);
    let list: Vec<&str> = names.iter().map(Ident::as_str).collect();
    let list = serde_json::Value::from(list).to_string();
    let table = table.to_string();
    let sql = bind(
        include_str!("../../sql/reindex_leftovers.sql"),
        &[(&list).into(), (&table).into()],
    );
    json_rows(cx.session, &sql)
        .await
        .map_err(|error| ExecuteError::from_db("looking for what a REINDEX has left", error))
}

/// Waits until an attempt of an earlier run, whose backend still lives, has ended.
async fn wait_for_earlier(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<(), ExecuteError> {
    let started = std::time::Instant::now();
    let mut told = false;
    while look(cx, index, table)
        .await?
        .iter()
        .any(|left| left.running)
    {
        if !told {
            told = true;
            cx.events.note(
                Some(work.step),
                format!("an earlier REINDEX of {} is still running", table.short()),
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

async fn remove(
    cx: &mut GuardContext<'_>,
    work: &BareWork<'_>,
    index: &ObjectName,
    table: &ObjectName,
) -> Result<Earlier, ExecuteError> {
    let found = look(cx, index, table).await?;
    let old = leftover_name(&index.name, OLD);
    let finished = found.iter().any(|left| left.name.starts_with(old.as_str()));
    for left in &found {
        let name = left.full_name();
        cx.events.note(
            Some(work.step),
            format!(
                "dropping the INVALID {} of an interrupted REINDEX",
                name.short()
            ),
        );
        let sql = [format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")];
        // Also while stopping: what it leaves slows down every write.
        let limits = Limits {
            pid: own_pid(cx),
            deadline: Some(cx.settings.bare.deadline),
            on_stop: OnStop::Wait,
            report: Report::Waits,
        };
        match watched::run(cx, work.step, &sql, &limits).await? {
            Ended::Done(_) => {}
            Ended::Overdue { blockers } => return Err(overdue(cx, work, blockers)),
            Ended::Stopped => return Err(stopped()),
            Ended::Failed(failed) => return Err(step_failed(cx, work, failed)),
        }
    }
    Ok(if finished {
        Earlier::Finished
    } else {
        Earlier::Nothing
    })
}
