//! A statement of the migration on many rows, in batches.
//!
//! By pages, it is carried out again and again: a round walks all pages, then the rows that are
//! left are counted. A row that a client moves during a round may be missed by it, so there are
//! several; each is smaller than the one before. What is still left after them, when it is little,
//! is done by one statement, whose single snapshot misses nothing; when it is much, clients or a
//! trigger make such rows as fast as they go, and the step says so instead of running for ever.
//!
//! By a key: `by_key`.

mod by_key;

use crate::{
    execute::{
        driver::Driver,
        error::ExecuteError,
        fill,
        guard::{GuardedWork, Hold, JournalEntry, run_guarded},
        journal::MigrationRecord,
    },
    plan::{Batches, Guard, Step, Walk, backfill::Work, batches::Key, rows::SMALL_TABLE_ROWS},
};

use super::backfill::{Checkpoint, RelationState};

/// How often all pages are walked at most.
const ROUNDS: u32 = 5;

/// Whether the step has been recorded as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It has, with its last rows.
    Yes,
    /// It has not.
    No,
}

/// Carries it out, from where an earlier run stopped.
pub async fn run(
    driver: &mut Driver<'_>,
    step: &Step,
    batches: &Batches,
    record: &MigrationRecord,
) -> Result<Recorded, ExecuteError> {
    match &batches.walk {
        Walk::Pages { .. } => by_pages(driver, step, batches, record).await,
        Walk::Key { column, ty } => {
            let key = Key { column, ty };
            by_key::run(driver, step, batches, &key, record).await?;
            Ok(Recorded::No)
        }
    }
}

async fn by_pages(
    driver: &mut Driver<'_>,
    step: &Step,
    batches: &Batches,
    record: &MigrationRecord,
) -> Result<Recorded, ExecuteError> {
    let work = Work::Rows(batches);
    let mut resume = fill::checkpoint_of(work, &step.id, record);
    let mut left = 0;
    for round in 1..=ROUNDS {
        let rows = fill::walk(driver, step, work, resume.take()).await?;
        left = count_left(driver, step, batches).await?;
        if left == 0 {
            return Ok(Recorded::No);
        }
        driver.runner.events.note(
            Some(&step.id),
            format!(
                "{left} rows match that came or moved meanwhile: round {} of {ROUNDS}",
                round + 1
            ),
        );
        resume = batches.relations.first().map(|relation| Checkpoint {
            relation: relation.clone(),
            state: RelationState::Filling,
            // No file has this number, so it begins at the first page.
            filenode: 0,
            block: 0,
            end: 0,
            window: 0,
            passes: 0,
            pass: 0,
            rows,
            xid: 0,
        });
    }
    if left <= SMALL_TABLE_ROWS {
        at_once(driver, step, batches).await?;
        return Ok(Recorded::Yes);
    }
    Err(ExecuteError::RowsFound {
        step: step.id.clone(),
        count: i64::try_from(left).unwrap_or(i64::MAX),
        message: format!(
            "{left} rows of {} still match after {ROUNDS} rounds: the application writes them as \
             fast as they are {}, or a trigger of the table undoes it",
            batches.table.short(),
            batches.verb.done()
        ),
        sample: Vec::new(),
        help: format!(
            "What is done stays done. Stop what writes such rows and run zdm apply {} again, or \
             put the statement where the old application has ended: -- zdm: phase contract.",
            driver.plan.migration.id
        ),
    })
}

/// How many rows are left.
async fn count_left(
    driver: &mut Driver<'_>,
    step: &Step,
    batches: &Batches,
) -> Result<u64, ExecuteError> {
    driver.runner.events.note(
        Some(&step.id),
        format!(
            "looking for rows of {} that are left",
            batches.table.short()
        ),
    );
    let path: Vec<String> = driver
        .plan
        .search_path
        .iter()
        .map(crate::ident::Ident::quoted)
        .collect();
    let mut total = 0;
    for sql in batches
        .relations
        .iter()
        .filter_map(|relation| batches.left_sql(relation))
    {
        let mut statements = vec!["BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY".to_owned()];
        if !path.is_empty() {
            statements.push(format!("SET LOCAL search_path = {}", path.join(", ")));
        }
        statements.extend([sql, "COMMIT".to_owned()]);
        let batch = match driver.session.batch(&statements).await {
            Ok(batch) => batch,
            Err(failed) => {
                // If the connection is gone, so is the transaction.
                drop(driver.session.run("ROLLBACK").await);
                return Err(ExecuteError::from_db(
                    "counting the rows that are left",
                    failed.error,
                ));
            }
        };
        if let Some((_, row)) = batch.rows.first() {
            let rows: i64 = crate::db::get(row, 0)
                .map_err(|error| ExecuteError::from_db("counting the rows that are left", error))?;
            total += fill::unsigned(rows);
        }
    }
    Ok(total)
}

/// The rows that are left, in one statement per relation and one transaction with its record.
async fn at_once(
    driver: &mut Driver<'_>,
    step: &Step,
    batches: &Batches,
) -> Result<(), ExecuteError> {
    let statements: Vec<String> = batches
        .relations
        .iter()
        .map(|relation| batches.whole_sql(relation))
        .collect();
    let (mut cx, search_path) = driver.guard();
    let work = GuardedWork {
        step: &step.id,
        locks: &step.locks,
        guard: Guard::None,
        statements: &statements,
        search_path,
        hold: Hold::Long,
        record: JournalEntry::StepDone(&step.id),
    };
    run_guarded(&mut cx, &work).await?;
    Ok(())
}
