//! RENAME of anything, and what mentions it.

use crate::{
    catalog::{Catalog, Constraint, ConstraintKind, Table},
    ident::{Ident, ObjectName},
};

use super::{constraint::listed, references, text::renamed};

/// A relation gets another name or schema.
pub(super) fn relation(catalog: &mut Catalog, from: &ObjectName, to: &ObjectName) {
    if catalog.has_relation(to) {
        return;
    }
    if let Some((table, _)) = catalog.index(from) {
        let table = table.name.clone();
        index(catalog, &table, &from.name, &to.name);
    } else if let Some(mut sequence) = catalog.sequences.remove(from) {
        sequence.name = to.clone();
        catalog.sequences.insert(to.clone(), sequence);
        mention_sequence(catalog, from, to);
    } else {
        if let Some(mut view) = catalog.views.remove(from) {
            view.name = to.clone();
            catalog.views.insert(to.clone(), view);
        }
        if catalog.tables.contains_key(from) {
            table(catalog, from, to);
        }
        for view in catalog.views.values_mut_if(|view| view.reads_from(from)) {
            for (relation, _) in &mut view.reads {
                if relation == from {
                    *relation = to.clone();
                }
            }
        }
    }
}

fn table(catalog: &mut Catalog, from: &ObjectName, to: &ObjectName) {
    let Some(mut table) = catalog.tables.remove(from) else {
        return;
    };
    table.name = to.clone();
    for index in &mut table.indexes {
        index.definition =
            index
                .definition
                .replacen(&format!(" ON {from} "), &format!(" ON {to} "), 1);
    }
    for (statistics, _) in &mut table.statistics {
        if from.schema != to.schema && statistics.schema == from.schema {
            statistics.schema = to.schema.clone();
        }
    }
    catalog.tables.insert(to.clone(), table);
    let related = |table: &Table| {
        table.parents.contains(from) || table.children.contains(from) || references(table, from)
    };
    for table in catalog.tables.values_mut_if(related) {
        for relative in table.parents.iter_mut().chain(&mut table.children) {
            if relative == from {
                *relative = to.clone();
            }
        }
        for constraint in &mut table.constraints {
            if let ConstraintKind::ForeignKey { references, .. } = &mut constraint.kind
                && references == from
            {
                *references = to.clone();
                define_again(constraint);
            }
        }
    }
    let owned: Vec<ObjectName> = catalog
        .sequences
        .values_mut()
        .filter_map(|sequence| {
            let (owner, _) = sequence.owned_by.as_mut()?;
            (owner == from).then(|| {
                *owner = to.clone();
                sequence.name.clone()
            })
        })
        .collect();
    // Sequences that columns own go with the table into another schema.
    if from.schema != to.schema {
        for sequence in owned {
            let moved = ObjectName::new(to.schema.clone(), sequence.name.clone());
            relation(catalog, &sequence, &moved);
        }
    }
}

/// Defaults keep taking from a sequence under its new name.
fn mention_sequence(catalog: &mut Catalog, from: &ObjectName, to: &ObjectName) {
    let (old, new) = (from.to_string(), to.to_string());
    let takes = |table: &Table| {
        let mut defaults = table.columns.iter().filter_map(|c| c.default.as_ref());
        defaults.any(|default| default.contains(&old))
    };
    for table in catalog.tables.values_mut_if(takes) {
        for default in table.columns.iter_mut().filter_map(|c| c.default.as_mut()) {
            if default.contains("nextval") {
                *default = default.replace(&format!("'{old}'"), &format!("'{new}'"));
            }
        }
    }
}

fn index(catalog: &mut Catalog, table: &ObjectName, from: &Ident, to: &Ident) {
    let Some(owner) = catalog.tables.get_mut(table) else {
        return;
    };
    let Some(index) = owner.indexes.iter_mut().find(|index| index.name == *from) else {
        return;
    };
    index.name = to.clone();
    index.definition = renamed(&index.definition, from, to);
    // The constraint in front of it has the same name, always.
    if let Some(constraint) = &mut index.constraint {
        *constraint = to.clone();
        for one in &mut owner.constraints {
            if one.name == *from {
                one.name = to.clone();
                set_index(one, to);
            }
        }
        owner.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    }
    owner.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    let (old, new) = (table.sibling(from.clone()), table.sibling(to.clone()));
    let has_part = |table: &Table| {
        let mut indexes = table.indexes.iter();
        indexes.any(|index| index.parent.as_ref() == Some(&old))
    };
    let tables = catalog.tables.values_mut_if(has_part);
    for part in tables.flat_map(|t| &mut t.indexes) {
        if part.parent.as_ref() == Some(&old) {
            part.parent = Some(new.clone());
        }
    }
}

fn set_index(constraint: &mut Constraint, to: &Ident) {
    match &mut constraint.kind {
        ConstraintKind::Unique { index, .. }
        | ConstraintKind::PrimaryKey { index, .. }
        | ConstraintKind::Exclude { index, .. } => *index = to.clone(),
        ConstraintKind::Check { .. }
        | ConstraintKind::ForeignKey { .. }
        | ConstraintKind::Other => {}
    }
}

/// `RENAME CONSTRAINT`, also of a NOT NULL constraint (18) and of the index behind a key.
pub(super) fn constraint(catalog: &mut Catalog, table: &ObjectName, from: &Ident, to: &Ident) {
    let Some(owner) = catalog.tables.get(table) else {
        return;
    };
    if owner
        .index(from)
        .is_some_and(|index| index.constraint.is_some())
    {
        index(catalog, table, from, to);
        return;
    }
    let below = owner
        .constraint(from)
        .is_none_or(|one| matches!(one.kind, ConstraintKind::Check { .. }) && !one.no_inherit);
    let members = if below {
        super::constraint::members(catalog, table)
    } else {
        vec![table.clone()]
    };
    for member in members {
        let Some(owner) = catalog.tables.get_mut(&member) else {
            continue;
        };
        for one in &mut owner.constraints {
            if one.name == *from {
                one.name = to.clone();
            }
        }
        owner.constraints.sort_by(|a, b| a.name.cmp(&b.name));
        for column in &mut owner.columns {
            if let Some((name, _)) = &mut column.not_null_constraint
                && name == from
            {
                *name = to.clone();
            }
        }
    }
}

/// `RENAME COLUMN`, in the whole family and in everything that names it.
pub(super) fn column(catalog: &mut Catalog, table: &ObjectName, from: &Ident, to: &Ident) {
    if let Some(view) = catalog.views.get(table) {
        // The columns of views are not modelled, but what reads them is.
        let name = view.name.clone();
        rename_reads(catalog, &name, from, to);
        return;
    }
    let taken = catalog
        .tables
        .get(table)
        .is_none_or(|table| table.column(from).is_none() || table.column(to).is_some());
    if taken {
        return;
    }
    for member in super::constraint::members(catalog, table) {
        if let Some(table) = catalog.tables.get_mut(&member) {
            in_table(table, from, to);
        }
        rename_reads(catalog, &member, from, to);
        for sequence in catalog.sequences.values_mut() {
            if let Some((owner, column)) = &mut sequence.owned_by
                && *owner == member
                && column == from
            {
                *column = to.clone();
            }
        }
        let tables = &mut catalog.tables;
        for other in tables.values_mut_if(|table| references(table, &member)) {
            for constraint in &mut other.constraints {
                if let ConstraintKind::ForeignKey {
                    references,
                    referenced_columns,
                    ..
                } = &mut constraint.kind
                    && *references == member
                    && referenced_columns.contains(from)
                {
                    rename_in(referenced_columns, from, to);
                    define_again(constraint);
                }
            }
        }
    }
}

fn rename_reads(catalog: &mut Catalog, relation: &ObjectName, from: &Ident, to: &Ident) {
    for view in catalog
        .views
        .values_mut_if(|view| view.reads_from(relation))
    {
        for (read, column) in &mut view.reads {
            if read == relation && column.as_ref() == Some(from) {
                *column = Some(to.clone());
            }
        }
    }
}

fn rename_in(columns: &mut [Ident], from: &Ident, to: &Ident) {
    for column in columns {
        if column == from {
            *column = to.clone();
        }
    }
}

fn in_table(table: &mut Table, from: &Ident, to: &Ident) {
    for column in &mut table.columns {
        if column.name == *from {
            column.name = to.clone();
        }
        if let Some(generated) = &mut column.generated
            && generated.columns.contains(from)
        {
            rename_in(&mut generated.columns, from, to);
            generated.expr = renamed(&generated.expr, from, to);
        }
    }
    for constraint in &mut table.constraints {
        match &mut constraint.kind {
            ConstraintKind::Check { columns, expr } => {
                if columns.contains(from) {
                    rename_in(columns, from, to);
                    *expr = renamed(expr, from, to);
                    constraint.definition = renamed(&constraint.definition, from, to);
                }
            }
            ConstraintKind::Unique { columns, .. }
            | ConstraintKind::PrimaryKey { columns, .. }
            | ConstraintKind::Exclude { columns, .. } => {
                if columns.contains(from) {
                    rename_in(columns, from, to);
                    constraint.definition = renamed(&constraint.definition, from, to);
                }
            }
            ConstraintKind::ForeignKey { columns, .. } => {
                if columns.contains(from) {
                    rename_in(columns, from, to);
                    define_again(constraint);
                }
            }
            ConstraintKind::Other => {}
        }
    }
    for index in &mut table.indexes {
        if !index.names_column(from) {
            continue;
        }
        for key in &mut index.keys {
            if key.column.as_ref() == Some(from) {
                key.column = Some(to.clone());
            }
            if let Some(expr) = &mut key.expr {
                *expr = renamed(expr, from, to);
            }
        }
        rename_in(&mut index.include, from, to);
        rename_in(&mut index.expression_columns, from, to);
        if let Some(predicate) = &mut index.predicate {
            *predicate = renamed(predicate, from, to);
        }
        // Names before the key list are the index's and the table's own.
        if let Some(at) = index.definition.find('(') {
            let (head, body) = index.definition.split_at(at);
            index.definition = format!("{head}{}", renamed(body, from, to));
        }
    }
    rename_in(&mut table.partition_columns, from, to);
    if let Some(key) = &mut table.partition_key {
        *key = renamed(key, from, to);
    }
    for trigger in &mut table.triggers {
        rename_in(&mut trigger.columns, from, to);
        rename_in(&mut trigger.when_columns, from, to);
    }
    for policy in &mut table.policies {
        rename_in(&mut policy.columns, from, to);
    }
    for (_, columns) in &mut table.statistics {
        rename_in(columns, from, to);
    }
    for publication in &mut table.publications {
        if let Some(columns) = &mut publication.columns {
            rename_in(columns, from, to);
        }
        rename_in(&mut publication.filter_columns, from, to);
    }
}

/// Writes a foreign key's definition from its parts, keeping what follows the column lists.
fn define_again(constraint: &mut Constraint) {
    let ConstraintKind::ForeignKey {
        columns,
        references,
        referenced_columns,
    } = &constraint.kind
    else {
        return;
    };
    let rest = constraint
        .definition
        .match_indices(')')
        .nth(1)
        .map_or("", |(at, _)| &constraint.definition[at + 1..]);
    constraint.definition = format!(
        "FOREIGN KEY ({}) REFERENCES {references}({}){rest}",
        listed(columns),
        listed(referenced_columns)
    );
}
