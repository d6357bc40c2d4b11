//! `zdm plan --check`: whether the plan of now is the one that was approved.

use std::path::Path;

use serde_json::json;

use crate::{
    catalog::Catalog,
    cli::{CliError, ErrorCode, Exit, Format, history::Migration, output},
    plan::{Plan, differences},
    report::json::{self, VERSION},
};

/// The approved plans of a file: what `--format json` printed, one after another.
pub(super) fn read(path: &Path) -> Result<Vec<Plan>, CliError> {
    let failed = |why: String| {
        CliError::new(
            ErrorCode::Usage,
            format!("the approved plan {} {why}", path.display()),
        )
        .with_hint("Write it with `zdm plan ID --format json`.")
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| failed(format!("cannot be read: {error}")))?;
    let plans = serde_json::Deserializer::from_str(&text)
        .into_iter::<Plan>()
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(format!("is not one of zdm: {error}")))?;
    if plans.is_empty() {
        return Err(failed("is empty".to_owned()));
    }
    Ok(plans)
}

/// What is planned anew: what was asked for, or what was approved.
pub(super) fn targets(asked: &[String], approved: &[Plan]) -> Result<Vec<String>, CliError> {
    if asked.is_empty() {
        return Ok(approved
            .iter()
            .map(|plan| plan.migration.id.clone())
            .collect());
    }
    if asked.len() != approved.len() {
        return Err(CliError::new(
            ErrorCode::Usage,
            format!(
                "{} approved, and {} to be compared",
                crate::report::count(approved.len() as u64, "plan is"),
                asked.len()
            ),
        )
        .with_hint("Leave the ids out: the approved plans name their migrations."));
    }
    Ok(asked.to_vec())
}

/// Whether each approved plan has a migration.
pub(super) fn all_there(approved: &[Plan], found: &[(Migration, Catalog)]) -> Result<(), CliError> {
    for plan in approved {
        if !found
            .iter()
            .any(|(one, _)| one.name.id == plan.migration.id)
        {
            return Err(CliError::new(
                ErrorCode::NoSuchMigration,
                format!(
                    "the approved plan is of {}, which is not compared",
                    plan.migration.id
                ),
            ));
        }
    }
    Ok(())
}

/// A migration, and what differs from its approved plan.
pub(super) struct Compared {
    id: String,
    differences: Vec<String>,
}

/// Compares one plan with the approved one of its migration.
pub(super) fn compare(approved: &[Plan], now: &Plan) -> Compared {
    let then = approved
        .iter()
        .find(|plan| plan.migration.id == now.migration.id);
    Compared {
        id: now.migration.id.clone(),
        differences: then.map_or_else(
            || vec!["it has no approved plan".to_owned()],
            |then| differences(then, now),
        ),
    }
}

/// Says whether all are the approved ones.
pub(super) fn verdict(compared: &[Compared], format: Format) -> Result<Exit, CliError> {
    let changed: Vec<&Compared> = compared
        .iter()
        .filter(|one| !one.differences.is_empty())
        .collect();
    if changed.is_empty() {
        let ids: Vec<&str> = compared.iter().map(|one| one.id.as_str()).collect();
        output::result(&match format {
            Format::Human => ids
                .iter()
                .map(|id| format!("The plan of {id} is the approved one.\n"))
                .collect(),
            Format::Json => json::pretty(&json!({
                "version": VERSION, "database": null, "approved": ids,
            })),
        });
        return Ok(Exit::Done);
    }
    let lines: String = changed
        .iter()
        .map(|one| {
            let lines: String = one
                .differences
                .iter()
                .map(|difference| format!("\n  - {difference}"))
                .collect();
            format!("the plan of {} is not the approved one:{lines}\n", one.id)
        })
        .collect();
    Err(
        CliError::new(ErrorCode::Run("plan-changed"), lines.trim_end()).with_hint(
            "Have the new plan approved: `zdm plan ID --format json` writes it. Nothing was changed.",
        ),
    )
}
