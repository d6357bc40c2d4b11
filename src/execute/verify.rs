//! `zdm verify`: both shapes agree, and what was built is valid.

use crate::{
    db::{Session, one_value},
    execute::{
        Runner,
        driver::{connect, rows_found},
        error::ExecuteError,
        journal::{Journal, MigrationRecord, MigrationState, StepState},
        patience::Patience,
        rollback::in_flight,
    },
    parse::PhaseName,
    plan::Plan,
};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Checked {
    /// The migration.
    pub migration: String,
    /// What was looked at, in words.
    pub what: String,
    /// What is wrong; `None` when it is as it should be.
    pub wrong: Option<String>,
}

/// Looks at one migration, or at all that are in flight or done.
pub async fn verify(runner: &Runner, id: Option<&str>) -> Result<Vec<Checked>, ExecuteError> {
    let mut session = connect(&runner.target, "verify").await?;
    let Some(journal) = Journal::look(&mut session, &runner.settings.journal_schema)
        .await?
        .journal()?
    else {
        return Ok(Vec::new());
    };
    let mut checked = Vec::new();
    for summary in journal.migrations(&mut session).await? {
        let asked = id.is_none_or(|id| id == summary.id);
        if !asked || !(in_flight(summary.state) || id.is_some()) {
            continue;
        }
        if let Some(record) = journal.load(&mut session, &summary.id).await?
            && let Some(plan) = &record.plan
        {
            let patience = runner.patience();
            one(&patience, &mut session, &record, plan, &mut checked).await?;
        }
    }
    if let Some(id) = id
        && checked.is_empty()
        && !journal
            .migrations(&mut session)
            .await?
            .iter()
            .any(|summary| summary.id == id)
    {
        return Err(ExecuteError::Refused {
            code: "unknown-migration",
            message: format!("the journal knows no migration {id}"),
            next: "Run zdm status to see which there are.".to_owned(),
        });
    }
    Ok(checked)
}

async fn one(
    patience: &Patience<'_>,
    session: &mut Session,
    record: &MigrationRecord,
    plan: &Plan,
    checked: &mut Vec<Checked>,
) -> Result<(), ExecuteError> {
    let contracted = record
        .steps
        .iter()
        .any(|step| step.phase == PhaseName::Contract && step.state == StepState::Done);
    let before = checked.len();
    for step in plan.steps() {
        if let Some(error) = failure(record, &step.id) {
            checked.push(Checked {
                migration: record.id.clone(),
                what: format!("{}: {}", step.id, step.title),
                wrong: Some(format!("it failed: {error}")),
            });
            continue;
        }
        let done = record
            .step(&step.id)
            .is_some_and(|step| step.state == StepState::Done);
        let phase = plan.phase_of(&step.id);
        // Contract removes or renames what earlier phases made.
        if !done || contracted && phase != Some(PhaseName::Contract) {
            continue;
        }
        let Some(query) = &step.post else { continue };
        let doing = "checking a step";
        let rows = patience.rows(session, doing, query).await?;
        let answer: String =
            one_value(&rows).map_err(|error| ExecuteError::from_db(doing, error))?;
        checked.push(Checked {
            migration: record.id.clone(),
            what: format!("{}: {}", step.id, step.title),
            wrong: (answer != "done").then(|| format!("its check says {answer}")),
        });
    }
    if record.state == MigrationState::Migrated {
        for verify in &plan.verify {
            let found = rows_found(patience, session, verify).await?;
            checked.push(Checked {
                migration: record.id.clone(),
                what: format!("both shapes of {} agree", verify.table.short()),
                wrong: found
                    .map(|(count, _)| verify.message.replace("{count}", &count.to_string())),
            });
        }
    }
    if checked.len() == before && in_flight(record.state) {
        checked.push(Checked {
            migration: record.id.clone(),
            what: format!(
                "is {}, and nothing of it can be looked at yet",
                record.state
            ),
            wrong: None,
        });
    }
    Ok(())
}

/// Why a step failed, while it is not done.
fn failure<'r>(record: &'r MigrationRecord, step: &str) -> Option<&'r str> {
    let step = record.step(step)?;
    (step.state == StepState::Failed).then(|| step.error.as_deref().unwrap_or("without a reason"))
}
