//! What zdm has made on partitions that were detached while their migration is in flight.
//!
//! A detached partition is a table of its own: it keeps columns, constraints, indexes and NOT NULL
//! that it has only because its parent had got them, and nothing fills them any more. Neither
//! contract nor rollback of the parent reaches it. It only looks, and says what takes them away.

use crate::{
    catalog::{Catalog, Column, Table},
    execute::journal::{Boundary, Edge},
    ident::{Ident, ObjectName},
    parse::PhaseName,
};

/// What is left on one detached table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The table.
    pub table: ObjectName,
    /// The statements that take it away.
    pub statements: Vec<String>,
    /// The columns among it that the migration adds, whose values go with them.
    pub columns: Vec<Ident>,
}

impl Left {
    /// The statements, to be copied.
    pub fn script(&self) -> String {
        let lines = self.statements.iter().map(|sql| format!("  {sql};"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Whether a partition is among what is recorded: without one, nothing can have been detached.
pub fn has_partitions(boundaries: &[Boundary]) -> bool {
    boundaries
        .iter()
        .filter_map(|boundary| boundary.fingerprints.as_ref())
        .flat_map(|shapes| shapes.values())
        .filter_map(|text| super::table(text))
        .any(|table| table.partition_bound.is_some())
}

/// What is left on each partition that was detached since expand began; nothing once it is clean.
/// Before contract only: then names change hands.
pub fn left(boundaries: &[Boundary], catalog: &Catalog) -> Vec<Left> {
    let shapes = |edge: Edge| {
        boundaries
            .iter()
            .rev()
            .filter(move |boundary| boundary.edge == edge)
            .filter(move |boundary| edge == Edge::Done || boundary.phase == PhaseName::Expand)
            .filter_map(|boundary| boundary.fingerprints.as_ref())
    };
    let Some(original) = shapes(Edge::Started).next() else {
        return Vec::new();
    };
    let then = |name: &ObjectName| {
        original
            .get(&name.to_string())
            .and_then(|text| super::table(text))
    };
    let mut found = Vec::new();
    for old in original.values().filter_map(|text| super::table(text)) {
        let Some(present) = catalog.tables.get(&old.name) else {
            continue;
        };
        if old.partition_bound.is_none() || present.partition_bound.is_some() {
            continue;
        }
        // As it was while it was still attached, and what its parent has got since.
        let mut made: Vec<Table> = shapes(Edge::Done)
            .filter_map(|shapes| super::table(shapes.get(&old.name.to_string())?))
            .filter(|table| table.partition_bound.is_some())
            .collect();
        let parent = old.parents.first();
        if let Some((now, then)) =
            parent.and_then(|parent| Some((catalog.tables.get(parent)?, then(parent)?)))
        {
            made.push(gained(now, &then));
        }
        if let Some(left) = on(&old, present, &made) {
            found.push(left);
        }
    }
    found
}

/// The columns and constraints of `now` that `then` has not.
fn gained(now: &Table, then: &Table) -> Table {
    let mut gained = now.clone();
    gained.indexes.clear();
    gained.triggers.clear();
    gained.columns.retain(|column| {
        then.column(&column.name).is_none_or(|before| {
            before.not_null != column.not_null || before.default != column.default
        })
    });
    gained
        .constraints
        .retain(|constraint| then.constraint(&constraint.name).is_none());
    gained
}

/// What one table has that it had not before, and that is among what was made.
fn on(old: &Table, present: &Table, made: &[Table]) -> Option<Left> {
    let table = &present.name;
    let mut statements = Vec::new();
    let mut actions = Vec::new();
    let mut columns = Vec::new();
    for trigger in &present.triggers {
        let has = |table: &Table| table.triggers.iter().any(|one| one.name == trigger.name);
        if !has(old) && made.iter().any(has) {
            statements.push(format!("DROP TRIGGER {} ON {table}", trigger.name));
        }
    }
    for constraint in &present.constraints {
        let has = |table: &Table| table.constraint(&constraint.name).is_some();
        if !has(old) && made.iter().any(has) {
            actions.push(format!("DROP CONSTRAINT {}", constraint.name));
        }
    }
    for index in &present.indexes {
        let has = |table: &Table| table.indexes.iter().any(|one| one.name == index.name);
        if index.constraint.is_none() && !has(old) && made.iter().any(has) {
            let name = table.sibling(index.name.clone());
            statements.push(format!("DROP INDEX {name}"));
        }
    }
    for column in &present.columns {
        let was = |of: fn(&Column) -> bool| {
            made.iter()
                .filter_map(|table| table.column(&column.name))
                .any(of)
        };
        let name = &column.name;
        let Some(before) = old.column(name) else {
            if was(|_| true) {
                actions.push(format!("DROP COLUMN {name}"));
                if !name.as_str().starts_with("_zdm_") {
                    columns.push(name.clone());
                }
            }
            continue;
        };
        if column.not_null && !before.not_null && was(|made| made.not_null) {
            actions.push(format!("ALTER COLUMN {name} DROP NOT NULL"));
        }
        let same_default = made
            .iter()
            .filter_map(|table| table.column(name))
            .any(|made| made.default == column.default);
        if column.default != before.default && same_default {
            actions.push(match &before.default {
                Some(default) => format!("ALTER COLUMN {name} SET DEFAULT {default}"),
                None => format!("ALTER COLUMN {name} DROP DEFAULT"),
            });
        }
    }
    if !actions.is_empty() {
        statements.push(format!("ALTER TABLE {table} {}", actions.join(", ")));
    }
    (!statements.is_empty()).then(|| Left {
        table: table.clone(),
        statements,
        columns,
    })
}
