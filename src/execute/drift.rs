//! Whether somebody else changed what a migration is about, between its phases.
//!
//! At the end of each phase the journal keeps what the plan's relations look like, zdm's own
//! columns and triggers included; before the next phase they must look the same. What differs is
//! always told. It stops the run when the plan, made with the difference in place, would have other
//! steps; a difference of no concern to the steps, as another migration's new column, does not.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{
        Catalog, ConstraintKind, Table,
        fingerprint::{differences, fingerprint},
    },
    db::{Session, introspect::introspect},
    execute::{apply::MigrationFile, error::ExecuteError},
    ident::{Ident, ObjectName},
    plan::{Plan, PlanInput, PlanSettings, Step, plan},
};

/// What the relations of a plan look like, by name, as the journal keeps it.
pub type Shapes = BTreeMap<String, String>;

/// What a plan was made from, to see what it would be now.
#[derive(Debug, Clone, Copy)]
pub struct MadeFrom<'a> {
    /// The migration.
    pub file: &'a MigrationFile,
    /// What is up to the user.
    pub settings: &'a PlanSettings,
}

/// The live catalog, to be looked at for differences.
pub async fn present(
    session: &mut Session,
    journal_schema: &Ident,
) -> Result<Catalog, ExecuteError> {
    introspect(session, journal_schema)
        .await
        .map_err(|error| ExecuteError::from_db("reading the catalog", error))
}

/// What the relations of a plan, and those that reference them, look like in a catalog.
pub fn shapes(catalog: &Catalog, plan: &Plan) -> Shapes {
    let touched = |name: &ObjectName| plan.fingerprint.contains_key(&name.to_string());
    catalog
        .tables
        .values()
        .filter(|table| {
            touched(&table.name)
                || table.constraints.iter().any(|constraint| {
                    matches!(&constraint.kind, ConstraintKind::ForeignKey { references, .. }
                        if touched(references))
                })
        })
        .filter_map(|table| {
            let mut table = table.clone();
            // Sizes change all the time, and are no difference.
            table.size = None;
            Some((table.name.to_string(), serde_json::to_string(&table).ok()?))
        })
        .collect()
}

/// What differs, in words, one line each; `None` when nothing does.
pub fn difference(recorded: &Shapes, present: &Shapes) -> Option<String> {
    let mut lines = Vec::new();
    for (name, old) in recorded {
        let Some(new) = present.get(name) else {
            lines.push(format!(
                "{name} is gone, or no longer references what is changed"
            ));
            continue;
        };
        match (table(old), table(new)) {
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
    for name in present.keys().filter(|name| !recorded.contains_key(*name)) {
        lines.push(format!("{name} has a new foreign key to what is changed"));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// The steps that would be others if what changed since `recorded` had been so when the plan was
/// made, in words; `None` when that cannot be told. `original` is what the relations looked like
/// before expand.
pub fn other_steps(
    made_from: MadeFrom<'_>,
    stored: &Plan,
    [original, recorded]: [&Shapes; 2],
    catalog: &Catalog,
) -> Option<Vec<String>> {
    let mut before = catalog.clone();
    let mut now = catalog.clone();
    let present = shapes(catalog, stored);
    for (name, is) in &present {
        let is = table(is)?;
        let Some(then) = original.get(name) else {
            // Not there or without a part in this when the plan was made.
            without_keys_into(&mut before, &is.name, stored);
            continue;
        };
        let mut then = table(then)?;
        let was = table(recorded.get(name)?)?;
        then.size = catalog.tables.get(&is.name).and_then(|table| table.size);
        let changed = carried_over(&then, &was, &is);
        before.tables.insert(is.name.clone(), then);
        now.tables.insert(is.name.clone(), changed);
    }
    // A relation that is gone is no small difference.
    if recorded.keys().any(|name| !present.contains_key(name)) {
        return None;
    }
    let steps = |catalog: &Catalog| {
        let planned = plan(&PlanInput {
            migration: &stored.migration,
            checksum: &stored.checksum,
            script: &made_from.file.script,
            catalog,
            settings: made_from.settings,
        });
        (!planned.refused()).then_some(planned.plan)
    };
    let before = steps(&before)?;
    let Some(now) = steps(&now) else {
        return Some(vec!["the plan would be refused".to_owned()]);
    };
    let (before, now): (Vec<&Step>, Vec<&Step>) = (before.steps().collect(), now.steps().collect());
    let mut found: Vec<String> = before
        .iter()
        .filter(|step| !now.contains(step))
        .map(|step| format!("{} ({}) would be another", step.id, step.title))
        .collect();
    if before.len() != now.len() {
        found.push(format!(
            "there would be {} steps, and there are {}",
            now.len(),
            before.len()
        ));
    }
    Some(found)
}

fn table(text: &str) -> Option<Table> {
    serde_json::from_str(text).ok()
}

/// Takes away a table's foreign keys to what the plan changes.
fn without_keys_into(catalog: &mut Catalog, name: &ObjectName, plan: &Plan) {
    if let Some(table) = catalog.tables.get_mut(name) {
        table.constraints.retain(|constraint| {
            !matches!(&constraint.kind, ConstraintKind::ForeignKey { references, .. }
                if plan.fingerprint.contains_key(&references.to_string()))
        });
    }
}

/// `then` with what changed between `was` and `is`: zdm's own objects are in both of these.
fn carried_over(then: &Table, was: &Table, is: &Table) -> Table {
    let mut table = then.clone();
    merge(&mut table.columns, &was.columns, &is.columns, |c| &c.name);
    merge(
        &mut table.constraints,
        &was.constraints,
        &is.constraints,
        |c| &c.name,
    );
    merge(&mut table.indexes, &was.indexes, &is.indexes, |i| &i.name);
    merge(&mut table.triggers, &was.triggers, &is.triggers, |t| {
        &t.name
    });
    merge(&mut table.policies, &was.policies, &is.policies, |p| {
        &p.name
    });
    merge(
        &mut table.publications,
        &was.publications,
        &is.publications,
        |p| &p.name,
    );
    replace(&mut table.kind, &was.kind, &is.kind);
    replace(&mut table.permanent, &was.permanent, &is.permanent);
    replace(&mut table.owner, &was.owner, &is.owner);
    replace(&mut table.rules, &was.rules, &is.rules);
    replace(&mut table.statistics, &was.statistics, &is.statistics);
    replace(&mut table.parents, &was.parents, &is.parents);
    replace(&mut table.children, &was.children, &is.children);
    replace(
        &mut table.partition_key,
        &was.partition_key,
        &is.partition_key,
    );
    replace(
        &mut table.partition_bound,
        &was.partition_bound,
        &is.partition_bound,
    );
    replace(&mut table.row_security, &was.row_security, &is.row_security);
    replace(
        &mut table.force_row_security,
        &was.force_row_security,
        &is.force_row_security,
    );
    replace(
        &mut table.replica_identity,
        &was.replica_identity,
        &is.replica_identity,
    );
    replace(&mut table.acl, &was.acl, &is.acl);
    table
}

fn replace<T: Clone + PartialEq>(value: &mut T, was: &T, is: &T) {
    if was != is {
        *value = is.clone();
    }
}

fn merge<T: Clone + PartialEq>(list: &mut Vec<T>, was: &[T], is: &[T], name: fn(&T) -> &Ident) {
    let named = |list: &[T], wanted: &Ident| list.iter().find(|one| name(one) == wanted).cloned();
    list.retain(|one| named(was, name(one)).is_none() || named(is, name(one)).is_some());
    for one in is {
        if named(was, name(one)).as_ref() == Some(one) {
            continue;
        }
        match list.iter_mut().find(|other| name(other) == name(one)) {
            Some(other) => *other = one.clone(),
            None => list.push(one.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Column;

    fn with(columns: &[&str]) -> Table {
        let mut table = Table::new(ObjectName::public("t"));
        for name in columns {
            table.columns.push(Column::new(Ident::exact(*name), "text"));
        }
        table
    }

    #[test]
    fn only_what_others_changed_is_carried_over() {
        // zdm made `_zdm_b`; somebody else added `c` and dropped `x`.
        let found = carried_over(
            &with(&["a", "x"]),
            &with(&["a", "x", "_zdm_b"]),
            &with(&["a", "_zdm_b", "c"]),
        );
        assert_eq!(found, with(&["a", "c"]));
    }
}
