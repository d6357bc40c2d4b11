//! Whether what the journal says was made is there: columns, triggers, functions and constraints
//! of the steps that are done, and what the steps' own checks look for.
//!
//! Where something is missing, somebody removed it by hand or brought the journal from elsewhere:
//! a write may have gone unsynchronised meanwhile, so nothing goes on by itself. It only looks.
//! Next: [`crate::execute::adopt::copies`] is the way out.

mod overtaken;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    db::{Session, activity::json_rows, bind},
    execute::{
        drift::partitions,
        error::ExecuteError,
        journal::{Journal, MigrationRecord, MigrationState, StepState},
    },
    ident::{Ident, QualifiedName},
    parse::{
        PhaseName, StatementKind, parse,
        statement::{
            AlterActionKind, ColumnAction, DropKind, Statement, TableConstraintKind, Utility,
        },
    },
    plan::{Plan, Step, StepKind},
    source::SourceFile,
};

/// Something that a statement made, with names as the catalogs have them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Made {
    kind: Kind,
    /// The table, or the schema of a function.
    within: String,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Column,
    Constraint,
    Function,
    Trigger,
}

impl Made {
    fn in_words(&self) -> String {
        match self.kind {
            Kind::Column => format!("column {} of {}", self.name, self.within),
            Kind::Constraint => format!("constraint {} of {}", self.name, self.within),
            Kind::Function => format!("function {}.{}", self.within, self.name),
            Kind::Trigger => format!("trigger {} of {}", self.name, self.within),
        }
    }
}

/// What is recorded as made by a migration that is in flight, and is not there; in words.
pub async fn missing(
    session: &mut Session,
    record: &MigrationRecord,
) -> Result<Vec<String>, ExecuteError> {
    let Some(plan) = record.plan.as_ref().filter(|_| looked_at(record.state)) else {
        return Ok(Vec::new());
    };
    let done = done(plan, record);
    // Contract removes and renames what earlier phases made.
    if done.iter().any(|(phase, _)| *phase == PhaseName::Contract) {
        return Ok(Vec::new());
    }
    let dropped = partitions::dropped(session, record).await?;
    let steps: Vec<&Step> = done
        .into_iter()
        .map(|(_, step)| step)
        .filter(|step| !dropped.concerns(step))
        .collect();
    let lost = lost(session, &steps).await?;
    let mut words: Vec<String> = lost
        .objects
        .iter()
        .filter(|made| !dropped.holds(&made.within))
        .map(Made::in_words)
        .collect();
    words.extend(lost.checks);
    Ok(words)
}

/// What is not there of what steps made.
struct Lost {
    objects: Vec<Made>,
    /// Steps whose own check does not find what they made, in words.
    checks: Vec<String>,
}

async fn lost(session: &mut Session, steps: &[&Step]) -> Result<Lost, ExecuteError> {
    let made: Vec<Made> = made(steps).into_iter().collect();
    let mut lost = Lost {
        objects: Vec::new(),
        checks: Vec::new(),
    };
    if !made.is_empty() {
        let list = serde_json::json!(made).to_string();
        let sql = bind(include_str!("sql/missing.sql"), &[(&list).into()]);
        lost.objects = json_rows(session, &sql)
            .await
            .map_err(|error| ExecuteError::from_db("looking for what was made", error))?;
    }
    for step in steps {
        let Some(query) = step.post.as_ref().filter(|_| makes(step)) else {
            continue;
        };
        if overtaken::is_overtaken(step, steps) {
            continue;
        }
        let standing: String = session
            .value(query)
            .await
            .map_err(|error| ExecuteError::from_db("asking where a step stands", error))?;
        if standing != "done" {
            lost.checks.push(format!(
                "what {} made: {} (its check says {standing})",
                step.id, step.title
            ));
        }
    }
    Ok(lost)
}

/// Refuses to go on with a migration of whose objects some are missing.
pub async fn refuse(session: &mut Session, record: &MigrationRecord) -> Result<(), ExecuteError> {
    let lost = missing(session, record).await?;
    if lost.is_empty() {
        return Ok(());
    }
    let id = &record.id;
    Err(ExecuteError::Refused {
        code: "journal-disagrees",
        message: format!(
            "journal and schema disagree: {id} ({}) is {}, and of what it made this is missing:\n  {}",
            record.name,
            record.state,
            lost.join("\n  ")
        ),
        next: format!(
            "Writes may have gone unsynchronised since, so zdm does not go on by itself. Run zdm \
             adopt --copy to keep the journal: what is left of {id} is removed, and it can be \
             applied anew. Or run zdm adopt --forget to let the journal go, when nothing of it \
             is left."
        ),
    })
}

/// The migrations that miss something and that nobody is running now, oldest first.
pub async fn disagreeing(
    session: &mut Session,
    journal: &Journal,
) -> Result<Vec<MigrationRecord>, ExecuteError> {
    let mut found = Vec::new();
    for summary in journal.migrations(session).await? {
        // Whoever runs it looks for itself, and changes what would be looked at here.
        if !looked_at(summary.state) || summary.lease.is_some() {
            continue;
        }
        let Some(record) = journal.load(session, &summary.id).await? else {
            continue;
        };
        if missing(session, &record).await?.is_empty() {
            continue;
        }
        // Unless it was taken on meanwhile.
        if journal.load(session, &summary.id).await?.as_ref() == Some(&record) {
            found.push(record);
        }
    }
    Ok(found)
}

/// Whether anything is left of what a migration made, outside the journal's schema, which goes as
/// a whole; a step that cannot be asked counts.
pub async fn anything_left(
    session: &mut Session,
    journal: &Journal,
    record: &MigrationRecord,
) -> Result<bool, ExecuteError> {
    let Some(plan) = &record.plan else {
        return Ok(false);
    };
    let begun = record
        .steps
        .iter()
        .any(|step| matches!(step.state, StepState::Running | StepState::Failed));
    if begun || !looked_at(record.state) || record.state == MigrationState::Contracting {
        return Ok(true);
    }
    let steps: Vec<&Step> = done(plan, record)
        .into_iter()
        .map(|(_, step)| step)
        .collect();
    let lost = lost(session, &steps).await?;
    let there = made(&steps).into_iter().any(|made| {
        let journals = made.kind == Kind::Function && made.within == journal.schema().as_str();
        !journals && !lost.objects.contains(&made)
    });
    let asked = steps
        .iter()
        .filter(|step| makes(step) && step.post.is_some() && !overtaken::is_overtaken(step, &steps))
        .count();
    let unasked = steps
        .iter()
        .any(|step| step.post.is_none() && !step.undo.is_empty());
    Ok(there || unasked || lost.checks.len() < asked)
}

/// Between its first step and its contract.
fn looked_at(state: MigrationState) -> bool {
    match state {
        MigrationState::Expanding
        | MigrationState::Expanded
        | MigrationState::Migrating
        | MigrationState::Migrated
        | MigrationState::Contracting => true,
        MigrationState::Pending
        | MigrationState::Queued
        | MigrationState::Done
        | MigrationState::RollingBack
        | MigrationState::RolledBack
        | MigrationState::Adopted
        | MigrationState::Failed => false,
    }
}

fn done<'p>(plan: &'p Plan, record: &MigrationRecord) -> Vec<(PhaseName, &'p Step)> {
    plan.phases
        .iter()
        .flat_map(|phase| phase.steps.iter().map(|step| (phase.phase, step)))
        .filter(|(_, step)| {
            record
                .step(&step.id)
                .is_some_and(|step| step.state == StepState::Done)
        })
        .collect()
}

/// What was made under one name has another from now on.
fn renamed(made: &mut BTreeSet<Made>, kind: Kind, within: &str, from: &Ident, to: &Ident) {
    let object = |name: &Ident| Made {
        kind,
        within: within.to_owned(),
        name: name.as_str().to_owned(),
    };
    if made.remove(&object(from)) {
        made.insert(object(to));
    }
}

/// Whether a step leaves something that its check can find.
fn makes(step: &Step) -> bool {
    match step.kind {
        StepKind::Ddl | StepKind::LongDdl | StepKind::CreateIndex { .. } => true,
        StepKind::Bare
        | StepKind::DropIndex { .. }
        | StepKind::Reindex { .. }
        | StepKind::Backfill { .. }
        | StepKind::Rows { .. }
        | StepKind::Batches { .. }
        | StepKind::Verify { .. }
        | StepKind::WaitForSnapshots => false,
    }
}

/// What the statements of steps made and did not remove again. A name without a schema says too
/// little to be looked for.
fn made(steps: &[&Step]) -> BTreeSet<Made> {
    let mut made = BTreeSet::new();
    let mut not_null = BTreeMap::new();
    for sql in steps.iter().flat_map(|step| &step.sql) {
        let script = parse(SourceFile::new("step.sql", sql.clone()));
        for statement in &script.statements {
            follow_not_null(statement, &mut made, &mut not_null);
            note(statement, &mut made);
        }
    }
    made
}

/// NOT NULL constraints that were made by name (PostgreSQL 18) go with `DROP NOT NULL`, which names
/// the column only, and perhaps no schema.
fn follow_not_null(
    statement: &Statement,
    made: &mut BTreeSet<Made>,
    not_null: &mut BTreeMap<(String, String), Made>,
) {
    let StatementKind::AlterRelation(alter) = &statement.kind else {
        return;
    };
    let of = |column: &Ident| {
        let table = alter.name.name.as_str();
        (table.to_owned(), column.as_str().to_owned())
    };
    for action in &alter.actions {
        match &action.kind {
            AlterActionKind::AddConstraint(constraint) => {
                let (TableConstraintKind::NotNull(column), Some(name), Some(table)) =
                    (&constraint.kind, &constraint.name, full(&alter.name))
                else {
                    continue;
                };
                let constraint = Made {
                    kind: Kind::Constraint,
                    within: table,
                    name: name.as_str().to_owned(),
                };
                not_null.insert(of(column), constraint);
            }
            AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::DropNotNull,
            } => {
                if let Some(gone) = not_null.remove(&of(name)) {
                    made.remove(&gone);
                }
            }
            _ => {}
        }
    }
}

fn note(statement: &Statement, made: &mut BTreeSet<Made>) {
    let object = |kind, within: String, name: &Ident| Made {
        kind,
        within,
        name: name.as_str().to_owned(),
    };
    match &statement.kind {
        StatementKind::AlterRelation(alter) => {
            let Some(table) = full(&alter.name) else {
                return;
            };
            for action in &alter.actions {
                match &action.kind {
                    AlterActionKind::AddColumn { column, .. } => {
                        made.insert(object(Kind::Column, table.clone(), &column.name));
                    }
                    AlterActionKind::DropColumn { name, .. } => {
                        made.remove(&object(Kind::Column, table.clone(), name));
                    }
                    AlterActionKind::RenameColumn { from, to } => {
                        renamed(made, Kind::Column, &table, from, to);
                    }
                    AlterActionKind::AddConstraint(constraint) => {
                        if let Some(name) = &constraint.name {
                            made.insert(object(Kind::Constraint, table.clone(), name));
                        }
                    }
                    AlterActionKind::DropConstraint { name, .. } => {
                        made.remove(&object(Kind::Constraint, table.clone(), name));
                    }
                    AlterActionKind::RenameConstraint { from, to } => {
                        renamed(made, Kind::Constraint, &table, from, to);
                    }
                    // Its columns are then those of another name.
                    AlterActionKind::RenameTo(_) | AlterActionKind::SetSchema(_) => {
                        made.retain(|one| one.within != table);
                    }
                    _ => {}
                }
            }
        }
        StatementKind::Drop(drop) => match (&drop.kind, &drop.on) {
            (DropKind::Trigger, Some(on)) => {
                if let (Some(table), Some(name)) = (full(on), drop.names.first()) {
                    made.remove(&object(Kind::Trigger, table, &name.name));
                }
            }
            (DropKind::Function, _) => {
                for name in &drop.names {
                    if let Some(schema) = &name.schema {
                        let schema = schema.as_str().to_owned();
                        made.remove(&object(Kind::Function, schema, &name.name));
                    }
                }
            }
            (DropKind::Table, _) => {
                for table in drop.names.iter().filter_map(full) {
                    made.retain(|one| one.within != table);
                }
            }
            _ => {}
        },
        StatementKind::Opaque(opaque) => match opaque.utility.as_deref() {
            Some(Utility::CreateTrigger(trigger)) => {
                if let Some(table) = full(&trigger.table) {
                    made.insert(object(Kind::Trigger, table, &trigger.name));
                }
            }
            Some(Utility::CreateFunction(function)) => {
                if let Some(schema) = &function.name.schema {
                    let schema = schema.as_str().to_owned();
                    made.insert(object(Kind::Function, schema, &function.name.name));
                }
            }
            _ => {}
        },
        _ => {}
    }
}

/// A name with its schema, as SQL.
fn full(name: &QualifiedName) -> Option<String> {
    name.with_schema().map(|name| name.to_string())
}

/// A statement that passes over what is not there.
pub fn tolerant(sql: &str) -> String {
    let body = format!(
        "BEGIN\n  EXECUTE {};\nEXCEPTION WHEN undefined_object OR undefined_function OR \
         undefined_column OR undefined_table THEN\n  NULL;\nEND",
        crate::ident::quote_literal(sql)
    );
    let quote = crate::plan::sync_trigger::dollar_quote(&body);
    format!("DO {quote}\n{body}\n{quote}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::draft::step;

    #[test]
    fn what_is_made_and_not_removed_is_looked_for() {
        let steps = [
            step(StepKind::Ddl, "", "").sql([
                "ALTER TABLE public.t ADD COLUMN a int, ADD CONSTRAINT c CHECK (a > 0) NOT VALID"
                    .to_owned(),
                "CREATE FUNCTION zdm.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'"
                    .to_owned(),
                "CREATE TRIGGER \"!000\" BEFORE INSERT ON public.t FOR EACH ROW \
                 EXECUTE FUNCTION zdm.f()"
                    .to_owned(),
                "ALTER TABLE t ADD COLUMN unqualified int".to_owned(),
            ]),
            step(StepKind::Ddl, "", "").sql(["ALTER TABLE public.t DROP CONSTRAINT c".to_owned()]),
        ];
        let made = made(&steps.iter().collect::<Vec<_>>());
        let words: Vec<String> = made.iter().map(Made::in_words).collect();
        assert_eq!(
            words,
            [
                "column a of public.t",
                "function zdm.f",
                "trigger !000 of public.t"
            ]
        );
    }
}
