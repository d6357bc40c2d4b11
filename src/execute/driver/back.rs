//! Taking steps back: for a rollback, and for a constraint that could not be validated.
//!
//! Each [`Undo`] is run as the step itself was: guarded, journaled with its last transaction.

use super::{Absent, Consent, Driver, Loss, rows_found};
use crate::{
    effects::{LockMode, RelationLock},
    execute::{
        drift::detached::Left,
        error::ExecuteError,
        guard::{BareIndex, GuardedWork, Hold, JournalEntry, run_guarded},
        made,
    },
    plan::{Guard, Plan, Step, StepKind, Undo, UndoKind},
};

impl Driver<'_> {
    pub(super) async fn undo(&mut self, step: &Step) -> Result<(), ExecuteError> {
        let last = step.undo.len().saturating_sub(1);
        for (at, undo) in step.undo.iter().enumerate() {
            let found = self.check_loss(step, undo).await?;
            if found == Loss::Accepted && undo.how == UndoKind::Tighten {
                self.journal
                    .step_undone(&mut self.session, &step.id, self.lease)
                    .await?;
                self.runner
                    .events
                    .note(Some(&step.id), format!("stays as it is: {}", step.title));
                return Ok(());
            }
            self.undo_one(
                step,
                undo,
                if at == last {
                    JournalEntry::StepUndone(&step.id)
                } else {
                    JournalEntry::Nothing
                },
            )
            .await?;
        }
        self.runner
            .events
            .note(Some(&step.id), format!("undone: {}", step.title));
        Ok(())
    }

    /// Lists what going back would lose, and refuses without consent.
    async fn check_loss(&mut self, step: &Step, undo: &Undo) -> Result<Loss, ExecuteError> {
        let Some(loses) = &undo.loses else {
            return Ok(Loss::None);
        };
        let found = match rows_found(&self.runner.patience(), &mut self.session, loses).await {
            // What would be counted is gone.
            Err(ExecuteError::Database { .. }) if self.absent == Absent::PassedOver => None,
            found => found?,
        };
        let Some((count, sample)) = found else {
            return Ok(Loss::None);
        };
        let message = loses.message.replace("{count}", &count.to_string());
        match self.consent {
            Consent::Given => {
                self.runner.events.note(Some(&step.id), message);
                Ok(Loss::Accepted)
            }
            Consent::None => Err(ExecuteError::RowsFound {
                step: step.id.clone(),
                count,
                message,
                sample,
                help: loses.help.clone(),
            }),
        }
    }

    async fn undo_one(
        &mut self,
        step: &Step,
        undo: &Undo,
        record: JournalEntry<'_>,
    ) -> Result<(), ExecuteError> {
        let hold = match undo.how {
            UndoKind::Ddl | UndoKind::Tighten => Hold::Short,
            UndoKind::LongDdl => Hold::Long,
            UndoKind::Bare => {
                let index = match &step.kind {
                    StepKind::CreateIndex { index, table } => {
                        Some(BareIndex::Drop { index, table })
                    }
                    StepKind::Reindex { index, table } => Some(BareIndex::Clear { index, table }),
                    _ => None,
                };
                self.run_bare(&step.id, &undo.sql, index, record).await?;
                return Ok(());
            }
        };
        let (locks, statements) = match self.absent {
            Absent::Refused => (undo.locks.clone(), undo.sql.clone()),
            Absent::PassedOver => (
                self.locks_there(&undo.locks).await?,
                undo.sql.iter().map(|sql| made::tolerant(sql)).collect(),
            ),
        };
        let guard = if locks.iter().any(|lock| lock.mode.blocks_writes()) {
            Guard::Ladder
        } else {
            Guard::None
        };
        let (mut cx, search_path) = self.guard();
        let work = GuardedWork {
            step: &step.id,
            locks: &locks,
            guard,
            statements: &statements,
            search_path,
            hold,
            record,
        };
        run_guarded(&mut cx, &work).await?;
        Ok(())
    }

    /// Takes away what is left on a partition that was detached.
    pub(in crate::execute) async fn clean(&mut self, left: &Left) -> Result<(), ExecuteError> {
        let locks = [RelationLock {
            relation: left.table.clone(),
            mode: LockMode::AccessExclusive,
        }];
        let (mut cx, search_path) = self.guard();
        let work = GuardedWork {
            step: "detached",
            locks: &locks,
            guard: Guard::Ladder,
            statements: &left.statements,
            search_path,
            hold: Hold::Short,
            record: JournalEntry::Nothing,
        };
        run_guarded(&mut cx, &work).await?;
        self.runner.events.note(
            None,
            format!(
                "{} was detached, and is as before expand again:\n{}",
                left.table.short(),
                left.script()
            ),
        );
        Ok(())
    }

    /// The locks on relations that are there.
    async fn locks_there(
        &mut self,
        locks: &[RelationLock],
    ) -> Result<Vec<RelationLock>, ExecuteError> {
        let mut there = Vec::new();
        for lock in locks {
            let name = crate::ident::quote_literal(&lock.relation.to_string());
            let sql = format!("SELECT pg_catalog.to_regclass({name}) IS NOT NULL");
            let found: bool = self
                .watch
                .value(&sql)
                .await
                .map_err(|error| ExecuteError::from_db("looking for a relation", error))?;
            if found {
                there.push(lock.clone());
            }
        }
        Ok(there)
    }

    /// When VALIDATE finds a row that came in before the constraint, the constraint must not stay:
    /// even NOT VALID it refuses every update of such a row (pitfall 42).
    pub(super) async fn take_constraint_back(
        &mut self,
        step: &Step,
        error: ExecuteError,
    ) -> Result<(), ExecuteError> {
        let ExecuteError::StepFailed {
            step: id,
            error: cause,
            ..
        } = &error
        else {
            return Err(error);
        };
        let violated = cause
            .sqlstate
            .as_deref()
            .is_some_and(|state| state.starts_with("23"));
        let plan = std::sync::Arc::clone(&self.plan);
        let Some(added) = added_before(&plan, step).filter(|_| violated) else {
            return Err(error);
        };
        let (id, cause) = (id.clone(), cause.clone());
        self.undo(added).await?;
        Err(ExecuteError::StepFailed {
            step: id,
            error: cause,
            help: Some(format!(
                "A row violates it that was written while the constraint was added. The \
                 constraint was taken away again, so such rows can be updated: correct them, \
                 then run zdm apply {} again, or go back with zdm rollback {}.",
                plan.migration.id, plan.migration.id
            )),
        })
    }
}

/// The step that added the constraint which this step validates, if it is one of this plan.
fn added_before<'p>(plan: &'p Plan, step: &Step) -> Option<&'p Step> {
    if !matches!(step.kind, StepKind::LongDdl | StepKind::Ddl) {
        return None;
    }
    let (table, constraint) = step.sql.first()?.split_once(" VALIDATE CONSTRAINT ")?;
    let drop = format!("{table} DROP CONSTRAINT IF EXISTS {constraint}");
    plan.steps()
        .find(|candidate| candidate.undo.iter().any(|undo| undo.sql.contains(&drop)))
}
