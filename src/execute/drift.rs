//! Whether somebody else changed what a migration is about, between its phases.
//!
//! At the end of each phase the journal keeps what the plan's relations look like, zdm's own
//! columns and triggers included; before the next phase they must look the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{
        Table,
        fingerprint::{differences, fingerprint},
    },
    db::{Session, introspect::introspect},
    execute::error::ExecuteError,
    plan::Plan,
};

/// What the relations of a plan look like now, by name; those that are not there are left out.
pub async fn fingerprints(
    session: &mut Session,
    plan: &Plan,
) -> Result<BTreeMap<String, String>, ExecuteError> {
    let catalog = introspect(session)
        .await
        .map_err(|error| ExecuteError::from_db("reading the catalog", error))?;
    Ok(catalog
        .tables
        .values()
        .filter(|table| plan.fingerprint.contains_key(&table.name.to_string()))
        .filter_map(|table| {
            let mut table = table.clone();
            // Sizes change all the time, and are no difference.
            table.size = None;
            Some((table.name.to_string(), serde_json::to_string(&table).ok()?))
        })
        .collect())
}

/// What differs, in words, one line each; `None` when nothing does.
pub fn difference(
    recorded: &BTreeMap<String, String>,
    present: &BTreeMap<String, String>,
) -> Option<String> {
    let mut lines = Vec::new();
    for (name, old) in recorded {
        let Some(new) = present.get(name) else {
            lines.push(format!("{name} is gone"));
            continue;
        };
        let parsed = |text: &str| serde_json::from_str::<Table>(text).ok();
        match (parsed(old), parsed(new)) {
            (Some(old), Some(new)) => {
                let nothing = BTreeSet::new();
                if fingerprint(&old, &nothing) != fingerprint(&new, &nothing) {
                    let found = differences(&old, &new);
                    if found.is_empty() {
                        lines.push(format!("{name} has changed"));
                    }
                    lines.extend(found.into_iter().map(|line| format!("{name}: {line}")));
                }
            }
            _ if old != new => lines.push(format!("{name} has changed")),
            _ => {}
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}
