//! Whether somebody else changed what a migration is about, between its phases.
//!
//! At the end of each phase the journal keeps what the plan's relations look like, zdm's own
//! columns and triggers included; before the next phase they must look the same. What differs is
//! always told. It stops the run when the plan, made with the difference in place, would have other
//! steps; a difference of no concern to the steps, as another migration's new column, does not.
//! Partitions that came or went are planned anew without a word from anybody ([`partitions`]).
//! Next: [`anew`] fits a plan made with the difference to what is done already.

pub mod anew;
pub mod detached;
pub mod partitions;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    catalog::{
        Catalog, ConstraintKind, Table, View,
        fingerprint::{differences, fingerprint},
    },
    execute::apply::MigrationFile,
    ident::ObjectName,
    parse::StatementKind,
    plan::{Plan, PlanInput, PlanSettings, Planned, Step, plan},
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

/// What the relations of a plan, those that reference them, and the views that read them look like
/// in a catalog.
pub fn shapes(catalog: &Catalog, plan: &Plan) -> Shapes {
    let touched = |name: &ObjectName| plan.fingerprint.contains_key(&name.to_string());
    let tables = catalog
        .tables
        .values()
        .filter(|table| {
            touched(&table.name)
                || table.constraints.iter().any(|constraint| {
                    matches!(&constraint.kind, ConstraintKind::ForeignKey { references, .. }
                        if touched(references))
                })
        })
        .filter_map(|table| Some((table.name.to_string(), serde_json::to_string(table).ok()?)));
    let mut shapes: Shapes = tables.collect();
    if let Ok(views) = serde_json::to_string(&readers(catalog, touched)) {
        shapes.insert(VIEWS.to_owned(), views);
    }
    shapes
}

/// The entry of [`Shapes`] that is about views; no relation has such a name. What an older zdm
/// recorded has none.
const VIEWS: &str = "(views)";

/// Views by their names.
type Views = BTreeMap<String, View>;

/// The views that read relations, or other views that do.
fn readers(catalog: &Catalog, touched: impl Fn(&ObjectName) -> bool) -> Views {
    let mut found = Views::new();
    loop {
        let more: Vec<&View> = catalog
            .views
            .values()
            .filter(|view| {
                !found.contains_key(&view.name.to_string())
                    && view
                        .reads
                        .iter()
                        .any(|(read, _)| touched(read) || found.contains_key(&read.to_string()))
            })
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(
            more.into_iter()
                .map(|view| (view.name.to_string(), view.clone())),
        );
    }
}

/// What differs, in words, one line each; `None` when nothing does.
pub fn difference(recorded: &Shapes, present: &Shapes) -> Option<String> {
    let mut lines = Vec::new();
    for (name, old) in tables(recorded) {
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
    for (name, _) in tables(present).filter(|(name, _)| !recorded.contains_key(*name)) {
        lines.push(format!("{name} has a new foreign key to what is changed"));
    }
    if let (Some(old), Some(new)) = (views(recorded), views(present)) {
        for name in old.keys().filter(|name| !new.contains_key(*name)) {
            lines.push(format!("the view {name} is gone"));
        }
        for (name, view) in &new {
            match old.get(name) {
                None => lines.push(format!("the view {name} is new and reads what is changed")),
                Some(was) if was != view => lines.push(format!("the view {name} has changed")),
                Some(_) => {}
            }
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn tables(shapes: &Shapes) -> impl Iterator<Item = (&String, &String)> {
    shapes.iter().filter(|(name, _)| *name != VIEWS)
}

fn views(shapes: &Shapes) -> Option<Views> {
    serde_json::from_str(shapes.get(VIEWS)?).ok()
}

/// Which sizes of tables a plan is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizesAt {
    /// Those of now.
    Now,
    /// Those of when the plan was made.
    Then,
}

/// A database as it would have been before expand, with and without what others changed since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsBefore {
    /// Without.
    pub before: Catalog,
    /// With.
    pub now: Catalog,
}

/// What a database was before expand, and what it would have been had others changed it before.
/// `original` is what the relations looked like before expand, `recorded` when the last phase had
/// ended. `None` when that cannot be told: a relation is gone.
pub fn as_before(
    made_from: MadeFrom<'_>,
    stored: &Plan,
    [original, recorded]: [&Shapes; 2],
    catalog: &Catalog,
    sizes: SizesAt,
) -> Option<AsBefore> {
    let present = shapes(catalog, stored);
    let mut before = catalog.clone();
    for (name, text) in tables(recorded).filter(|(name, _)| !present.contains_key(*name)) {
        // A dropped partition was there when the plan was made; nothing else may be gone.
        let gone = table(text)?;
        if gone.partition_bound.is_none() || catalog.tables.contains_key(&gone.name) {
            return None;
        }
        if let Some(then) = original.get(name) {
            before.tables.insert(gone.name, table(then)?);
        }
    }
    // What the file makes was not there when the plan was made.
    for statement in &made_from.file.script.statements {
        if let StatementKind::CreateTable(create) = &statement.kind
            && !create.if_not_exists
        {
            let name = catalog.resolve(&create.name);
            if !stored.fingerprint.contains_key(&name.to_string()) {
                before.tables.remove(&name);
            }
        }
    }
    let mut now = before.clone();
    now.tables
        .retain(|name, _| catalog.tables.contains_key(name));
    let new = partitions::made(recorded, catalog);
    for (name, is) in
        tables(&present).filter(|(name, _)| !new.iter().any(|n| n.to_string() == **name))
    {
        let is = table(is)?;
        let Some(then) = original.get(name) else {
            // Not there or without a part in this when the plan was made.
            without_keys_into(&mut before, &is.name, stored);
            continue;
        };
        let mut then = table(then)?;
        let was = table(recorded.get(name)?)?;
        if sizes == SizesAt::Now {
            then.size = is.size;
        }
        let changed = carried_over(&then, &was, &is);
        before.tables.insert(is.name.clone(), then);
        now.tables.insert(is.name.clone(), changed);
    }
    for (name, parent) in new
        .iter()
        .filter_map(|name| Some((name, parent_of(name, catalog, recorded)?)))
    {
        let known = |shapes: &Shapes| shapes.get(&parent.to_string()).and_then(|text| table(text));
        if let (Some(then), Some(was)) = (known(original), known(recorded)) {
            for catalog in [&mut before, &mut now] {
                if let Some(partition) = catalog.tables.get_mut(name) {
                    partitions::without_inherited(partition, &then, &was);
                }
            }
        }
    }
    if let (Some(then), Some(was), Some(is)) = (views(original), views(recorded), views(&present)) {
        for view in then.values().chain(was.values()).chain(is.values()) {
            before.views.remove(&view.name);
            now.views.remove(&view.name);
        }
        let list = |views: &Views| views.values().cloned().collect::<Vec<View>>();
        let mut changed = list(&then);
        merge(&mut changed, &list(&was), &list(&is), |view| &view.name);
        let by_name = |view: View| (view.name.clone(), view);
        before.views.extend(then.into_values().map(by_name));
        now.views.extend(changed.into_iter().map(by_name));
    }
    Some(AsBefore { before, now })
}

/// The nearest table above a partition that is recorded.
fn parent_of(partition: &ObjectName, catalog: &Catalog, recorded: &Shapes) -> Option<ObjectName> {
    let mut name = partition;
    while let Some(parent) = catalog.tables.get(name)?.parents.first() {
        if recorded.contains_key(&parent.to_string()) {
            return Some(parent.clone());
        }
        name = parent;
    }
    None
}

/// The plan of a migration that is in flight, on another catalog: its own objects are named as
/// they are.
pub fn plan_again(made_from: MadeFrom<'_>, stored: &Plan, catalog: &Catalog) -> Planned {
    let settings = PlanSettings {
        secret: stored.bypass.secret.clone(),
        ..made_from.settings.clone()
    };
    plan(&PlanInput {
        migration: &stored.migration,
        checksum: &stored.checksum,
        script: &made_from.file.script,
        catalog,
        settings: &settings,
    })
}

/// The steps that would be others if what changed since `recorded` had been so when the plan was
/// made, in words; `None` when that cannot be told. `original` is what the relations looked like
/// before expand.
pub fn other_steps(
    made_from: MadeFrom<'_>,
    stored: &Plan,
    shapes: [&Shapes; 2],
    catalog: &Catalog,
) -> Option<Vec<String>> {
    // What was planned for a small or an empty table may be refused with the size of now.
    let (before, now) = [SizesAt::Now, SizesAt::Then]
        .into_iter()
        .find_map(|sizes| {
            let AsBefore { before, now } = as_before(made_from, stored, shapes, catalog, sizes)?;
            let before = plan_again(made_from, stored, &before);
            (!before.refused()).then_some((before, now))
        })?;
    let now = plan_again(made_from, stored, &now);
    if now.refused() {
        return Some(vec!["the plan would be refused".to_owned()]);
    }
    let before: Vec<&Step> = before.plan.steps().collect();
    let now: Vec<&Step> = now.plan.steps().collect();
    // A step that has only moved up is the same.
    let unnumbered = |step: &Step| Step {
        id: String::new(),
        ..step.clone()
    };
    let kept: Vec<Step> = now.iter().map(|step| unnumbered(step)).collect();
    let mut found: Vec<String> = before
        .iter()
        .filter(|step| !kept.contains(&unnumbered(step)))
        .map(|step| format!("{} ({}) would be another", step.id, step.title))
        .collect();
    abridge(&mut found);
    if before.len() != now.len() {
        found.push(format!(
            "there would be {} steps, and there are {}",
            now.len(),
            before.len()
        ));
    }
    Some(found)
}

/// How many steps that would be others are named.
const SHOWN_STEPS: usize = 8;

/// Counts what is beyond those that are named.
fn abridge(steps: &mut Vec<String>) {
    let more = steps.len().saturating_sub(SHOWN_STEPS);
    if more > 0 {
        steps.truncate(SHOWN_STEPS);
        steps.push(format!("{more} more would be others"));
    }
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

fn merge<T: Clone + PartialEq, N: PartialEq>(
    list: &mut Vec<T>,
    was: &[T],
    is: &[T],
    name: fn(&T) -> &N,
) {
    let named = |list: &[T], wanted: &N| list.iter().find(|one| name(one) == wanted).cloned();
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
    use crate::{catalog::Column, ident::Ident};

    fn with(columns: &[&str]) -> Table {
        let mut table = Table::new(ObjectName::public("t"));
        for name in columns {
            table.columns.push(Column::new(Ident::exact(*name), "text"));
        }
        table
    }

    #[test]
    fn no_more_than_eight_steps_are_named() {
        let steps = |count: usize| -> Vec<String> { (0..count).map(|n| n.to_string()).collect() };
        let mut few = steps(SHOWN_STEPS);
        abridge(&mut few);
        assert_eq!(few, steps(SHOWN_STEPS));
        let mut many = steps(80);
        abridge(&mut many);
        assert_eq!(many.len(), SHOWN_STEPS + 1);
        assert_eq!(
            many.last().map(String::as_str),
            Some("72 more would be others")
        );
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
