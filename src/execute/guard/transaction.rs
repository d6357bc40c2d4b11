//! One transaction of the guard: a few seconds of asking, at most one message of holding.
//!
//! Nothing here sleeps while a strong lock is held: the message that takes it also commits, or
//! fails and is rolled back to the savepoint before.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{
    GuardContext, Hold, JournalEntry, Run, TOO_LONG_LIMIT,
    ladder::Ask,
    watched::{self, Ended, Limits, Report},
};
use crate::{
    db::{BatchError, Failure, Session, activity::json_rows, bind, get},
    effects::{LockMode, RelationLock},
    execute::{
        error::{ExecuteError, LEASE_LOST},
        event::{EventKind, in_words},
        lease::DDL_SLOT_SQL,
        settings::OnStop,
    },
    ident::{Ident, ObjectName},
};

/// How one transaction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempted {
    /// Everything is done and recorded.
    Committed,
    /// Nothing is; the transaction must be rolled back.
    Again,
}

/// How one message ended.
enum Sent {
    Committed,
    /// The savepoint is back, and no strong lock is held.
    Missed,
    StartOver,
}

/// `deadlock_timeout` of the server.
pub(super) async fn deadlock_timeout(session: &mut Session) -> Result<Duration, ExecuteError> {
    session
        .value::<i64>(
            "SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'",
        )
        .await
        .map(|milliseconds| {
            Duration::from_millis(u64::try_from(milliseconds).unwrap_or(1000)).min(LONGEST_WEAK)
        })
        .map_err(|error| ExecuteError::from_db("reading deadlock_timeout", error))
}

/// The longest time SHARE UPDATE EXCLUSIVE is waited for in one transaction, however large
/// `deadlock_timeout` is.
const LONGEST_WEAK: Duration = Duration::from_secs(10);

/// Which of the locks LOCK TABLE can take: those on tables, no weaker than SHARE UPDATE EXCLUSIVE.
/// (Views it would lock with everything under them; indexes and sequences not at all.)
pub(super) async fn lockable(
    session: &mut Session,
    locks: &[RelationLock],
) -> Result<Vec<RelationLock>, ExecuteError> {
    #[derive(Deserialize)]
    struct Kind {
        relation: String,
    }
    let names: Vec<String> = locks.iter().map(|lock| lock.relation.to_string()).collect();
    let names = serde_json::json!(names).to_string();
    let sql = bind(
        "SELECT w.relation FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS w (relation) \
         JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.relation) \
         WHERE c.relkind IN ('r', 'p')",
        &[(&names).into()],
    );
    let tables: Vec<Kind> = json_rows(session, &sql)
        .await
        .map_err(|error| ExecuteError::from_db("looking up relations", error))?;
    Ok(locks
        .iter()
        .filter(|lock| lock.mode >= LockMode::ShareUpdateExclusive)
        .filter(|lock| {
            let name = lock.relation.to_string();
            tables.iter().any(|table| table.relation == name)
        })
        .cloned()
        .collect())
}

/// Views that are to be locked strongly, each with the statement that does it.
///
/// Whoever reads a view locks it first and what it reads after, so it must be locked before its
/// tables: else each client that comes in between holds the view, waits for the table, and zdm
/// waits for it. LOCK TABLE would lock everything under the view too; giving the view to its own
/// owner changes nothing and locks it alone.
pub(super) async fn views(
    session: &mut Session,
    locks: &[RelationLock],
) -> Result<Vec<(ObjectName, String)>, ExecuteError> {
    #[derive(Deserialize)]
    struct Owned {
        relation: String,
        owner: Ident,
    }
    let strong = locks
        .iter()
        .filter(|lock| lock.mode == LockMode::AccessExclusive);
    let names: Vec<String> = strong
        .clone()
        .map(|lock| lock.relation.to_string())
        .collect();
    let names = serde_json::json!(names).to_string();
    let sql = bind(
        "SELECT w.relation, r.rolname AS owner \
         FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS w (relation) \
         JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(w.relation) \
         JOIN pg_catalog.pg_roles r ON r.oid = c.relowner WHERE c.relkind = 'v'",
        &[(&names).into()],
    );
    let views: Vec<Owned> = json_rows(session, &sql)
        .await
        .map_err(|error| ExecuteError::from_db("looking up views", error))?;
    Ok(strong
        .filter_map(|lock| {
            let name = lock.relation.to_string();
            let view = views.iter().find(|view| view.relation == name)?;
            let sql = format!("ALTER VIEW {name} OWNER TO {}", view.owner);
            Some((lock.relation.clone(), sql))
        })
        .collect())
}

/// One transaction.
pub(super) async fn attempt(
    run: &mut Run<'_>,
    cx: &mut GuardContext<'_>,
) -> Result<Attempted, ExecuteError> {
    let Some(pid) = begin(run, cx).await? else {
        return Ok(Attempted::Again);
    };
    if !pass_weak_holders(run, cx).await? {
        return Ok(Attempted::Again);
    }
    fence(cx).await?;
    let since = Instant::now();
    loop {
        cx.safe_point()?;
        let ask = run.ladder.ask();
        match one_message(run, cx, pid, ask).await? {
            Sent::Committed => return Ok(Attempted::Committed),
            Sent::StartOver => return Ok(Attempted::Again),
            Sent::Missed => {}
        }
        let over = since.elapsed() >= cx.settings.locks.transaction
            || run.started.elapsed() >= cx.settings.locks.budget;
        // While a long blocker is in sight it is waited for outside a transaction.
        if over || (!run.contested.is_empty() && !run.in_sight(cx).await?.is_empty()) {
            return Ok(Attempted::Again);
        }
        cx.stop.sleep(run.ladder.pause(cx.rng)).await?;
    }
}

/// Begins the transaction and takes the DDL slot: the backend's pid, or `None` when another runner
/// has the slot.
async fn begin(run: &mut Run<'_>, cx: &mut GuardContext<'_>) -> Result<Option<i32>, ExecuteError> {
    let doing = "beginning a transaction";
    let weak = run.weak_wait.as_millis();
    let mut statements = vec![
        // The defaults of the role or the database may be others.
        "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned(),
        format!("SET LOCAL lock_timeout = '{weak}ms'"),
        format!("SET LOCAL statement_timeout = '{}ms'", weak + 1000),
        // Whatever becomes of this process, its locks do not outlive it for long.
        "SET LOCAL idle_in_transaction_session_timeout = '10s'".to_owned(),
        // COMMIT must not wait for a standby while locks are held (pitfall 64).
        "SET LOCAL synchronous_commit = local".to_owned(),
        "SET LOCAL row_security = off".to_owned(),
        "SELECT pg_catalog.pg_backend_pid()".to_owned(),
    ];
    let pid_at = statements.len() - 1;
    if !run.contested.is_empty() {
        statements.push(DDL_SLOT_SQL.to_owned());
    }
    let slot_at = pid_at + 1;
    // Names of the migration's own statements are looked up as the plan says, after the journal's
    // part of the transaction and before anything of the migration.
    let batch = cx
        .session
        .batch(&statements)
        .await
        .map_err(|error| ExecuteError::from_db(doing, error.error))?;
    let mut pid = None;
    let mut slot = true;
    for (at, row) in &batch.rows {
        if *at == pid_at {
            pid = Some(get::<i32>(row, 0).map_err(|error| ExecuteError::from_db(doing, error))?);
        } else if *at == slot_at {
            slot = get::<bool>(row, 0).map_err(|error| ExecuteError::from_db(doing, error))?;
        }
    }
    if !slot {
        if run.look.report_slot(Instant::now()) {
            cx.events.emit(
                Some(run.work.step),
                EventKind::Waiting {
                    what: "another run of zdm, which is changing something in this database".into(),
                    blockers: Vec::new(),
                },
            );
        }
        return Ok(None);
    }
    Ok(pid)
}

/// The role and the search path of the migration's own statements.
fn identity(cx: &GuardContext<'_>, search_path: &[Ident]) -> Vec<String> {
    let mut statements = Vec::new();
    if let Some(role) = &cx.settings.role {
        statements.push(format!("SET LOCAL ROLE {role}"));
    }
    if !search_path.is_empty() {
        let schemas: Vec<String> = search_path.iter().map(Ident::quoted).collect();
        statements.push(format!("SET LOCAL search_path = {}", schemas.join(", ")));
    }
    statements
}

/// And back.
fn own_identity(cx: &GuardContext<'_>) -> Vec<String> {
    let mut statements = Vec::new();
    if cx.settings.role.is_some() {
        statements.push("SET LOCAL ROLE NONE".to_owned());
    }
    statements.push("SET LOCAL search_path = pg_catalog".to_owned());
    statements
}

/// Waits for SHARE UPDATE EXCLUSIVE on one table after the other, and lets go of it at once: then
/// no vacuum and no other DDL is at work there, and an autovacuum that was has been cancelled.
///
/// It is not kept while the strong lock is asked for. Whoever has read the table and then comes
/// for a lock that conflicts with this one, as TRUNCATE, would meet zdm holding the weak lock and
/// waiting for the strong one: a deadlock that the server settles at once by failing the one who
/// came (`ProcSleep` in `src/backend/storage/lmgr/proc.c`). Holding nothing, zdm is overtaken.
async fn pass_weak_holders(
    run: &mut Run<'_>,
    cx: &mut GuardContext<'_>,
) -> Result<bool, ExecuteError> {
    for lock in run.lockable.clone() {
        let mut statements = vec!["SAVEPOINT zdm_weak".to_owned()];
        statements.extend(identity(cx, &[]));
        statements.push(format!(
            "LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE",
            lock.relation
        ));
        statements.push("ROLLBACK TO SAVEPOINT zdm_weak".to_owned());
        let Err(BatchError { error, .. }) = cx.session.batch(&statements).await else {
            continue;
        };
        return match error.failure() {
            Failure::LockNotAvailable
            | Failure::Deadlock
            | Failure::Serialization
            | Failure::Cancelled => Ok(false),
            Failure::Privilege => {
                // An owner whose privileges on the rows were revoked may ALTER the table and may
                // not LOCK it (pitfall 63): the statements themselves must ask.
                run.lockable.clear();
                Ok(false)
            }
            Failure::ConnectionLost | Failure::Resources | Failure::Other => {
                Err(ExecuteError::from_db("asking for a lock", error))
            }
        };
    }
    Ok(true)
}

/// From here to the end of the transaction the lease cannot change hands.
async fn fence(cx: &mut GuardContext<'_>) -> Result<(), ExecuteError> {
    // The search path of the plan is not in force yet.
    let mut statements = Vec::new();
    if cx.settings.role.is_some() {
        statements.push("SET LOCAL ROLE NONE".to_owned());
    }
    statements.push(cx.journal.fence_sql(cx.lease));
    statements.push("SAVEPOINT zdm".to_owned());
    cx.session
        .batch(&statements)
        .await
        .map(drop)
        .map_err(|error| ExecuteError::from_db("checking the lease", error.error))
}

/// The message of one attempt, and which parts of it are what.
struct Message {
    statements: Vec<String>,
    /// The clock is read before the locks, and after them.
    clock: (usize, usize),
    /// Which of the statements asks for which of the lockable relations.
    locks: Vec<(usize, usize)>,
    journal: Option<usize>,
}

fn message(run: &Run<'_>, cx: &GuardContext<'_>, ask: Ask) -> Message {
    const CLOCK: &str = "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::double precision";
    // A statement that LOCK TABLE cannot stand in for has no NOWAIT: it gets the shortest wait.
    // Locks that no client waits for may be waited for past deadlock_timeout. A statement that
    // writes holds rows, for which clients do wait: in a deadlock it must be the one to give up.
    let calm = !run.work.locks.is_empty()
        && run.work.locks.iter().all(|lock| {
            lock.mode <= LockMode::ShareUpdateExclusive && lock.mode != LockMode::RowExclusive
        });
    let wait = if calm {
        run.weak_wait
    } else {
        ask.wait()
            .max(cx.settings.locks.first_wait)
            .max(Duration::from_millis(1))
    };
    let hold = match run.work.hold {
        Hold::Short => cx.settings.locks.hold,
        Hold::Long => Duration::ZERO,
    };
    let mut statements = identity(cx, run.work.search_path);
    statements.push(format!("SET LOCAL lock_timeout = '{}ms'", wait.as_millis()));
    statements.push(format!(
        "SET LOCAL statement_timeout = '{}ms'",
        hold.as_millis()
    ));
    let before = statements.len();
    statements.push(CLOCK.to_owned());
    // A view that is locked alone needs no such care: its statement waits for it at once.
    let views = if run.lockable.is_empty() {
        &[][..]
    } else {
        &run.views
    };
    statements.extend(views.iter().map(|(_, sql)| sql.clone()));
    let mut locks = Vec::new();
    let order = std::iter::once(run.waited_for)
        .chain((0..run.lockable.len()).filter(|at| *at != run.waited_for));
    for at in order {
        let Some(lock) = run.lockable.get(at) else {
            continue;
        };
        let nowait = if locks.is_empty() && (calm || ask != Ask::NoWait) {
            ""
        } else {
            " NOWAIT"
        };
        locks.push((statements.len(), at));
        statements.push(format!(
            "LOCK TABLE ONLY {} IN {} MODE{nowait}",
            lock.relation, lock.mode
        ));
    }
    let after = statements.len();
    statements.push(CLOCK.to_owned());
    statements.extend(run.work.statements.iter().cloned());
    statements.extend(own_identity(cx));
    let entry = match run.work.record {
        JournalEntry::StepDone(step) => Some(cx.journal.step_done_sql(step, cx.lease)),
        JournalEntry::StepUndone(step) => Some(cx.journal.step_undone_sql(step, cx.lease)),
        JournalEntry::Nothing => None,
    };
    let journal = entry.map(|entry| {
        statements.push(entry);
        statements.len() - 1
    });
    statements.push("COMMIT".to_owned());
    Message {
        statements,
        clock: (before, after),
        locks,
        journal,
    }
}

async fn one_message(
    run: &mut Run<'_>,
    cx: &mut GuardContext<'_>,
    pid: i32,
    ask: Ask,
) -> Result<Sent, ExecuteError> {
    let message = message(run, cx, ask);
    let limits = match run.work.hold {
        Hold::Short => Limits {
            pid: Some(pid),
            deadline: Some(run.weak_wait + cx.settings.locks.hold * 2),
            on_stop: OnStop::Wait,
            report: Report::Nothing,
        },
        Hold::Long => Limits {
            pid: Some(pid),
            deadline: None,
            on_stop: OnStop::Wait,
            report: Report::Waits,
        },
    };
    run.outcome.attempts += 1;
    let sent = Instant::now();
    let ended = watched::run(cx, run.work.step, &message.statements, &limits).await?;
    let took = sent.elapsed();
    let failed = match ended {
        Ended::Done(batch) => {
            let clock = |at: usize| {
                batch
                    .rows
                    .iter()
                    .find(|(statement, _)| *statement == at)
                    .and_then(|(_, row)| get::<f64>(row, 0).ok())
            };
            let waited = match (clock(message.clock.0), clock(message.clock.1)) {
                (Some(before), Some(after)) if after > before && !message.locks.is_empty() => {
                    Duration::from_secs_f64(after - before)
                }
                _ => Duration::ZERO,
            };
            run.outcome.waited = run.outcome.waited.max(waited);
            run.outcome.held = took.saturating_sub(waited);
            return recorded(run, &message, &batch.affected).map(|()| Sent::Committed);
        }
        Ended::Stopped => {
            return Err(ExecuteError::Stopped {
                why: "asked to stop at once".to_owned(),
            });
        }
        Ended::Overdue { .. } => return too_long(run, cx, None),
        Ended::Failed(failed) => failed,
    };
    let BatchError { at, error } = failed;
    if error.sqlstate.as_deref() == Some(LEASE_LOST) {
        return Err(ExecuteError::from_db("recording the step", error));
    }
    let lock = message
        .locks
        .iter()
        .find(|(statement, _)| *statement == at)
        .map(|(_, lock)| *lock);
    match error.failure() {
        Failure::LockNotAvailable => {
            let relation = lock
                .and_then(|lock| run.lockable.get(lock))
                .map(|lock| lock.relation.clone());
            if let Some(lock) = lock {
                run.missed_at(lock);
            }
            let calm_wait = took.min(ask.wait().max(cx.settings.locks.first_wait));
            run.missed(cx, relation.as_ref(), calm_wait);
            match cx.session.run("ROLLBACK TO SAVEPOINT zdm").await {
                Ok(_) => Ok(Sent::Missed),
                Err(error) if error.failure() == Failure::ConnectionLost => {
                    Err(ExecuteError::ConnectionLost { error })
                }
                // The savepoint is gone when COMMIT itself failed.
                Err(_) => Ok(Sent::StartOver),
            }
        }
        Failure::Deadlock | Failure::Serialization => Ok(Sent::StartOver),
        Failure::Cancelled => too_long(run, cx, Some(error)),
        Failure::Privilege if lock.is_some() => {
            run.lockable.clear();
            Ok(Sent::StartOver)
        }
        Failure::ConnectionLost => Err(ExecuteError::ConnectionLost { error }),
        Failure::Privilege | Failure::Resources | Failure::Other => Err(ExecuteError::StepFailed {
            step: run.work.step.to_owned(),
            error: Box::new(error),
            help: None,
        }),
    }
}

/// The statements were cancelled: once may be chance, again is a step that does not fit.
fn too_long(
    run: &mut Run<'_>,
    cx: &GuardContext<'_>,
    error: Option<crate::db::DbError>,
) -> Result<Sent, ExecuteError> {
    run.too_long += 1;
    if run.too_long < TOO_LONG_LIMIT && run.work.hold == Hold::Short {
        return Ok(Sent::StartOver);
    }
    let hold = in_words(super::milliseconds(cx.settings.locks.hold));
    let error = error.unwrap_or_else(|| crate::db::DbError {
        message: "the statements were cancelled".to_owned(),
        sqlstate: Some("57014".to_owned()),
        detail: None,
        statement: None,
    });
    Err(ExecuteError::StepFailed {
        step: run.work.step.to_owned(),
        error: Box::new(error),
        help: Some(format!(
            "Its statements were cancelled, because strong locks are held for {hold} at most. \
             Nothing was changed; try at a calmer time, or raise the limit knowing that clients \
             wait as long."
        )),
    })
}

/// The journal's entry was written.
fn recorded(run: &Run<'_>, message: &Message, affected: &[u64]) -> Result<(), ExecuteError> {
    let Some(at) = message.journal else {
        return Ok(());
    };
    // Counted from the end: a text of the plan may turn out to be several statements.
    let from_end = message.statements.len() - at;
    let rows = affected
        .len()
        .checked_sub(from_end)
        .and_then(|at| affected.get(at));
    if rows == Some(&1) {
        return Ok(());
    }
    Err(ExecuteError::StateUnknown {
        message: format!(
            "{} was run, but the journal has no entry for it",
            run.work.step
        ),
        next: "Run zdm status, and compare with the database.".to_owned(),
    })
}
