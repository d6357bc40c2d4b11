//! What is done when the database is no longer what the plan was made for.
//!
//! Looked at whenever a phase is about to begin. A difference that changes no step is told. One
//! that does stops the run; when it is accepted, the steps that are not yet begun are planned anew
//! and what is done stays, or the run is refused with what stands against it.

use std::sync::Arc;

use super::{DriftPolicy, Driver, standing};
use crate::{
    diagnostic::Level,
    execute::{
        drift::{
            self, SizesAt,
            anew::{Anew, Misfit, fit},
            partitions::{self, Partitions},
        },
        error::ExecuteError,
        journal::{Edge, MigrationRecord, Replan, StepState},
        machine::{self, Standing},
    },
    parse::PhaseName,
    plan::StepKind,
};

/// What a look at the database has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// The stored plan stands.
    AsPlanned,
    /// Plan or steps are others now: what comes next has to be asked anew.
    Changed,
}

impl Driver<'_> {
    /// Compares the relations with what they were when the last phase ended.
    pub(super) async fn check_drift(
        &mut self,
        record: &MigrationRecord,
    ) -> Result<Looked, ExecuteError> {
        let Some(recorded) = shapes_at(record, Edge::Done) else {
            return Ok(Looked::AsPlanned);
        };
        let schema = &self.runner.settings.journal_schema;
        let catalog = self
            .runner
            .patience()
            .catalog(&mut self.watch, schema)
            .await?;
        if let Some(left) = drift::detached::left(&record.boundaries, &catalog).first() {
            return Err(ExecuteError::Refused {
                code: "detached-partition",
                message: format!(
                    "{} was detached since {} began, and keeps what was made on it",
                    left.table.short(),
                    record.id
                ),
                next: format!(
                    "Attach it again; or take that away and run zdm apply {} again:\n{}",
                    record.id,
                    left.script()
                ),
            });
        }
        let present = drift::shapes(&catalog, &self.plan);
        let Some(difference) = drift::difference(recorded, &present) else {
            return Ok(Looked::AsPlanned);
        };
        let original = shapes_at(record, Edge::Started);
        let others = self
            .made_from
            .zip(original)
            .and_then(|(made_from, original)| {
                drift::other_steps(made_from, &self.plan, [original, recorded], &catalog)
            });
        // Partitions come and go every day.
        let policy = if drift::partitions::only(recorded, &present, &catalog) {
            DriftPolicy::Accept
        } else {
            self.drift
        };
        match (others, policy) {
            (Some(others), _) if others.is_empty() => {
                self.runner.events.note(
                    None,
                    format!("changed by others, of no concern to the steps: {difference}"),
                );
                Ok(Looked::AsPlanned)
            }
            (Some(others), DriftPolicy::Refuse) => Err(ExecuteError::Drift {
                difference: format!("{difference}\nPlanned now, {}", others.join("; ")),
            }),
            (None, DriftPolicy::Refuse) => Err(ExecuteError::Drift { difference }),
            (_, DriftPolicy::Accept) => {
                let word = match self.drift {
                    DriftPolicy::Accept => "accepted",
                    DriftPolicy::Refuse => "partitions have come or gone",
                };
                self.runner
                    .events
                    .note(None, format!("{word}: {difference}"));
                let dropped = partitions::dropped(&mut self.watch, record).await?;
                let fitted = self.planned_anew(record, &catalog, (&difference, &dropped))?;
                match fitted {
                    Fitted::TakeBack(id) => self.take_back(&id).await?,
                    Fitted::Anew(anew) => {
                        self.go_on_with(record, *anew, &catalog).await?;
                    }
                }
                Ok(Looked::Changed)
            }
        }
    }

    /// The plan on the database as it is, fitted to what is done; or what stands against it.
    fn planned_anew(
        &self,
        record: &MigrationRecord,
        catalog: &crate::catalog::Catalog,
        (difference, dropped): (&str, &Partitions),
    ) -> Result<Fitted, ExecuteError> {
        let made_from = self.made_from;
        let (Some(made_from), Some(original), Some(recorded)) = (
            made_from,
            shapes_at(record, Edge::Started),
            shapes_at(record, Edge::Done),
        ) else {
            return Err(self.does_not_fit(
                difference,
                &["the journal does not say what the database was before".to_owned()],
            ));
        };
        let state = |id: &str| {
            record
                .step(id)
                .map_or(StepState::Pending, |step| step.state)
        };
        let mut against = vec!["a relation that the plan is about is gone".to_owned()];
        for sizes in [SizesAt::Now, SizesAt::Then] {
            let shapes = [original, recorded];
            let Some(as_before) = drift::as_before(made_from, &self.plan, shapes, catalog, sizes)
            else {
                break;
            };
            let planned = drift::plan_again(made_from, &self.plan, &as_before.now);
            if planned.refused() {
                let errors = planned
                    .diagnostics
                    .iter()
                    .filter(|diagnostic| diagnostic.level == Level::Error);
                against = errors
                    .map(|error| format!("the plan is refused: {}", error.message))
                    .collect();
                continue;
            }
            match fit(&self.plan, planned.plan, dropped, state) {
                Ok(anew) => {
                    let original = drift::shapes(&as_before.now, &anew.plan);
                    return Ok(Fitted::Anew(Box::new((anew, original))));
                }
                Err(Misfit::TakeBack(id)) => return Ok(Fitted::TakeBack(id)),
                Err(Misfit::Done(words)) => against = words,
            }
        }
        Err(self.does_not_fit(difference, &against))
    }

    fn does_not_fit(&self, difference: &str, against: &[String]) -> ExecuteError {
        let id = &self.plan.migration.id;
        ExecuteError::Refused {
            code: "drift-done",
            message: format!(
                "what has changed does not fit what is done of {id}:\n{difference}\n{}",
                against.join("\n")
            ),
            next: format!(
                "Undo that change and run zdm apply {id} again; or run zdm rollback {id}, then \
                 apply it anew."
            ),
        }
    }

    /// An index that zdm built and that nothing needs any more goes, before the plan changes.
    async fn take_back(&mut self, id: &str) -> Result<(), ExecuteError> {
        let plan = Arc::clone(&self.plan);
        match plan.step(id) {
            Some(step) => self.undo(step).await,
            None => Ok(()),
        }
    }

    /// Stores the new plan, with everything that is recorded of the steps that stay.
    async fn go_on_with(
        &mut self,
        record: &MigrationRecord,
        (mut anew, original): (Anew, drift::Shapes),
        catalog: &crate::catalog::Catalog,
    ) -> Result<(), ExecuteError> {
        anew.there = self.there_already(record, &anew, catalog).await?;
        let present = drift::shapes(catalog, &anew.plan);
        // Where nothing is to do before the phase that is to begin, no phase begins again.
        let begins = record
            .state
            .phase_ended()
            .filter(|ended| anew.phase <= *ended)
            .map(|_| machine::running(anew.phase));
        self.journal
            .replan(
                &mut self.session,
                Replan {
                    plan: &anew.plan,
                    state: begins.unwrap_or(record.state),
                    again: &anew.again,
                    there: &anew.there,
                    original: &original,
                    present: &present,
                },
                self.lease,
            )
            .await?;
        let titles: Vec<String> = anew
            .new
            .iter()
            .filter(|id| !anew.there.contains(id))
            .filter_map(|id| anew.plan.step(id))
            .map(|step| format!("{} ({})", step.id, step.title))
            .collect();
        let mut message = format!("planned anew: {}", titles.join(", "));
        if titles.is_empty() {
            message.push_str("no step is new");
        }
        if !anew.again.is_empty() {
            message.push_str(&format!("; looked at again: {}", anew.again.join(", ")));
        }
        self.runner.events.note(None, message);
        self.plan = Arc::new(anew.plan);
        Ok(())
    }

    /// The new steps whose work new partitions have got from the partitioned table.
    async fn there_already(
        &mut self,
        record: &MigrationRecord,
        anew: &Anew,
        catalog: &crate::catalog::Catalog,
    ) -> Result<Vec<String>, ExecuteError> {
        let Some(recorded) = shapes_at(record, Edge::Done) else {
            return Ok(Vec::new());
        };
        let made = partitions::of(&partitions::made(recorded, catalog), catalog);
        let mut there = Vec::new();
        for step in anew.new.iter().filter_map(|id| anew.plan.step(id)) {
            let inherits = matches!(step.kind, StepKind::Ddl | StepKind::LongDdl);
            if let Some(query) = step
                .pre
                .as_ref()
                .filter(|_| inherits && made.concerns(step))
                && standing(&mut self.watch, query).await? == Standing::Done
            {
                there.push(step.id.clone());
            }
        }
        Ok(there)
    }
}

enum Fitted {
    TakeBack(String),
    Anew(Box<(Anew, drift::Shapes)>),
}

/// What the relations looked like before expand, or when the last phase had ended.
fn shapes_at(record: &MigrationRecord, edge: Edge) -> Option<&drift::Shapes> {
    let mut boundaries = record.boundaries.iter().rev();
    boundaries
        .find(|boundary| {
            boundary.edge == edge && (edge == Edge::Done || boundary.phase == PhaseName::Expand)
        })
        .and_then(|boundary| boundary.fingerprints.as_ref())
}
