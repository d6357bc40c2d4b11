//! A backfill step: joins the backfill to the journal, the events and the wish to stop.

use crate::{
    db::{Failure, Session, bind},
    execute::{
        backfill::{
            self, BackfillError, Checkpoint, CheckpointStore, Ended, Event, Job, Order,
            RelationState, StoreError, Surroundings,
        },
        driver::{Driver, connect},
        error::ExecuteError,
        event::{EventKind, Events},
        journal::{BackfillRecord, Journal, MigrationRecord},
        lease::Lease,
        signals::StopLevel,
        throttle::Throttle,
    },
    ident::ObjectName,
    plan::{
        Backfill, Step, StepKind, Verb,
        backfill::{PassSettings, Work},
    },
};

/// Writes checkpoints into the journal, in the transaction of the pass.
struct Store<'a> {
    journal: &'a Journal,
    lease: &'a Lease,
    step: &'a str,
    rows_total: i64,
}

impl CheckpointStore for Store<'_> {
    async fn store(
        &mut self,
        session: &mut Session,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        let record = BackfillRecord {
            step_id: self.step.to_owned(),
            relation: checkpoint.relation.to_string(),
            filenode: i64::from(checkpoint.filenode),
            end_block: i64::from(checkpoint.end),
            block: i64::from(checkpoint.block),
            window_pages: checkpoint.window,
            passes: checkpoint.passes,
            pass: checkpoint.pass,
            rows_done: signed(checkpoint.rows),
            rows_total: self.rows_total,
            last_xid: Some(checkpoint.xid.to_string()),
            done: checkpoint.state == RelationState::Filled,
            key_done: None,
            key_end: None,
        };
        match self.journal.checkpoint(session, &record, self.lease).await {
            Ok(()) => Ok(()),
            Err(ExecuteError::Database { error, .. } | ExecuteError::ConnectionLost { error }) => {
                Err(StoreError::Db(error))
            }
            Err(error) => Err(StoreError::Fenced(error.to_string())),
        }
    }
}

/// Fills what is not filled yet, from the last checkpoint on.
pub async fn fill(
    driver: &mut Driver<'_>,
    step: &Step,
    backfill: &Backfill,
    record: &MigrationRecord,
) -> Result<(), ExecuteError> {
    let work = Work::Fill(backfill);
    let resume = checkpoint_of(work, &step.id, record);
    walk(driver, step, work, resume).await.map(drop)
}

/// Does the work from a checkpoint on; how many rows it was, in all runs.
pub async fn walk(
    driver: &mut Driver<'_>,
    step: &Step,
    work: Work<'_>,
    resume: Option<Checkpoint>,
) -> Result<u64, ExecuteError> {
    let runner = driver.runner;
    if let Some(checkpoint) = &resume {
        runner.events.note(
            Some(&step.id),
            format!(
                "going on at page {} of {}",
                checkpoint.block,
                checkpoint.relation.short()
            ),
        );
    }
    let mut session = connect(&runner.target, "throttle").await?;
    let rows_total = rows_estimate(&mut session, work.relations()).await?;
    let mut throttle = Throttle::new(session, runner.throttle.clone());
    let mut store = Store {
        journal: driver.journal,
        lease: driver.lease,
        step: &step.id,
        rows_total,
    };
    let stop = runner.stop.clone();
    let lease = driver.lease;
    let order = move || {
        if stop.level() > StopLevel::Run || lease.check().is_err() {
            Order::Stop
        } else {
            Order::Run
        }
    };
    let settings = settings_for(work, &runner.backfill);
    let mut listener = listener(&runner.events, step, unsigned(rows_total));
    let job = Job {
        work,
        pass: PassSettings {
            bypass: &driver.plan.bypass,
            search_path: &driver.plan.search_path,
            role: runner.settings.role.as_ref(),
        },
        resume: resume.as_ref(),
        settings: &settings,
    };
    let mut around = Surroundings {
        throttle: &mut throttle,
        store: &mut store,
        order: &order,
        listener: &mut listener,
    };
    match backfill::run(&mut driver.session, &job, &mut around).await {
        Ok(Ended::Filled { rows }) => Ok(rows),
        Ok(Ended::Stopped { rows }) => {
            lease.check()?;
            Err(ExecuteError::Stopped {
                why: format!("asked to stop; {rows} rows are done, and the rest will be"),
            })
        }
        Err(error) => Err(failure(driver.lease, step, error)),
    }
}

/// How it is run: what empties places needs no room on the pages, and what reads other tables
/// takes its time for that, whatever the size of the batch.
fn settings_for(work: Work<'_>, settings: &backfill::Settings) -> backfill::Settings {
    let mut settings = settings.clone();
    if let Work::Rows(batches) = work {
        if batches.verb != Verb::Update {
            settings.limits.passes = 1;
        }
        if batches.reads_others {
            settings.limits.passes = 1;
            settings.limits.target *= 4;
            settings.limits.first_window *= 8;
        }
    }
    settings
}

pub(super) fn failure(lease: &Lease, step: &Step, error: BackfillError) -> ExecuteError {
    match error {
        BackfillError::Db(error) if error.failure() == Failure::ConnectionLost => {
            ExecuteError::ConnectionLost { error }
        }
        BackfillError::Db(error) => ExecuteError::StepFailed {
            step: step.id.clone(),
            error: Box::new(error),
            help: Some(
                "What is done stays done: once the cause is gone, run zdm apply again.".to_owned(),
            ),
        },
        BackfillError::Fenced(message) => ExecuteError::LeaseLost {
            migration: lease.migration().to_owned(),
            message,
        },
        BackfillError::NotATable { relation, what } => ExecuteError::Refused {
            code: "not-a-table",
            message: format!("{} is {what}", relation.short()),
            next: "Roll back, and write the change for the tables that hold the rows.".to_owned(),
        },
    }
}

/// The last checkpoint of a step: of the last relation that was begun.
pub(super) fn checkpoint_of(
    work: Work<'_>,
    step: &str,
    record: &MigrationRecord,
) -> Option<Checkpoint> {
    work.relations().iter().rev().find_map(|relation| {
        record
            .backfills
            .iter()
            .find(|found| found.step_id == step && found.relation == relation.to_string())
            .and_then(|found| checkpoint(relation, found))
    })
}

fn checkpoint(relation: &ObjectName, record: &BackfillRecord) -> Option<Checkpoint> {
    Some(Checkpoint {
        relation: relation.clone(),
        state: if record.done {
            RelationState::Filled
        } else {
            RelationState::Filling
        },
        filenode: u32::try_from(record.filenode).ok()?,
        block: u32::try_from(record.block).ok()?,
        end: u32::try_from(record.end_block).ok()?,
        window: record.window_pages,
        passes: record.passes,
        pass: record.pass,
        rows: u64::try_from(record.rows_done).ok()?,
        xid: record.last_xid.as_ref()?.parse().ok()?,
    })
}

/// How many rows the server thinks there are (`pg_class.reltuples`).
pub(super) async fn rows_estimate(
    session: &mut Session,
    relations: &[ObjectName],
) -> Result<i64, ExecuteError> {
    let mut total = 0;
    for relation in relations {
        let sql = bind(
            "SELECT coalesce((SELECT greatest(reltuples, 0)::pg_catalog.int8 \
             FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass($1)), 0)",
            &[(&relation.to_string()).into()],
        );
        let rows: i64 = session
            .value(&sql)
            .await
            .map_err(|error| ExecuteError::from_db("estimating rows", error))?;
        total += rows;
    }
    Ok(total)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Tells what a backfill does as events of the run.
fn listener(events: &Events, step: &Step, rows_total: u64) -> impl FnMut(Event) + Send {
    let events = events.clone();
    let filled = match step.kind {
        StepKind::Backfill { .. } => "is filled",
        _ => "has been walked to its end",
    };
    let step = step.id.clone();
    let mut relation_now = String::new();
    move |event| {
        let kind = match event {
            Event::RelationStarted {
                relation,
                block,
                end,
            } => {
                relation_now = relation.short();
                EventKind::Note {
                    message: format!("{relation_now}: pages {block} to {end}"),
                }
            }
            Event::Progress(progress) => progress_event(&relation_now, rows_total, &progress),
            Event::Yielding(reason) => EventKind::BackfillWaiting {
                why: reason.to_string(),
            },
            Event::WaitingForSnapshots { holder } => EventKind::BackfillWaiting {
                why: format!("an old snapshot would make the table grow: {holder}"),
            },
            Event::GoingOn { waited } => EventKind::Note {
                message: format!("going on after {:.1} s", waited.as_secs_f64()),
            },
            Event::GrowthUnbounded { holder } => EventKind::Note {
                message: format!(
                    "going on although an old snapshot is open ({holder}): until it ends, the \
                     table may grow as much as by one plain UPDATE"
                ),
            },
            Event::GrowthBounded => EventKind::Note {
                message: "the old snapshots have ended".to_owned(),
            },
            Event::GaveWay {
                relation,
                pages,
                message,
            } => EventKind::Note {
                message: format!(
                    "gave way to a client on pages {} to {} of {}: {message}",
                    pages.0,
                    pages.1,
                    relation.short()
                ),
            },
            Event::Rewritten { relation } => EventKind::Note {
                message: format!(
                    "{} was rewritten meanwhile (VACUUM FULL, CLUSTER): beginning it again",
                    relation.short()
                ),
            },
            Event::RelationGone { relation } => EventKind::Note {
                message: format!("{} has no rows to fill", relation.short()),
            },
            Event::RelationFilled { relation } => EventKind::Note {
                message: format!("{} {filled}", relation.short()),
            },
        };
        events.emit(Some(&step), kind);
    }
}

fn progress_event(relation: &str, rows_total: u64, progress: &backfill::Progress) -> EventKind {
    EventKind::BackfillProgress {
        relation: relation.to_owned(),
        rows_done: progress.rows,
        rows_total: rows_total.max(progress.rows),
        pages_done: progress.pages_done,
        pages_total: progress.pages_total,
        rows_per_second: progress.rows_per_second,
        eta_ms: progress
            .eta
            .and_then(|eta| u64::try_from(eta.as_millis()).ok()),
        window_pages: progress.window,
        passes: progress.passes,
        hot_ratio: progress.hot_ratio,
    }
}
