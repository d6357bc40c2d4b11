//! DROP of anything, with what goes with it as far as the catalog shows.

use crate::{
    catalog::{Catalog, ConstraintKind, Table, TableKind, types},
    ident::{Ident, ObjectName},
    parse::statement::{Drop, DropBehavior, DropKind},
};

use super::references;

/// `DROP`.
pub(super) fn apply(catalog: &mut Catalog, drop: &Drop) {
    for written in &drop.names {
        let name = catalog.resolve(written);
        match &drop.kind {
            DropKind::Table | DropKind::MaterializedView => {
                table(catalog, &name);
                catalog.views.remove(&name);
            }
            DropKind::View => views(catalog, vec![name], None),
            DropKind::Index => index(catalog, &name),
            DropKind::Sequence => {
                catalog.sequences.remove(&name);
                if drop.behavior == DropBehavior::Cascade {
                    let taken = format!("'{name}'");
                    let takes = |table: &Table| {
                        let mut defaults = table.columns.iter().filter_map(|c| c.default.as_ref());
                        defaults.any(|default| default.contains(&taken))
                    };
                    let tables = catalog.tables.values_mut_if(takes);
                    for column in tables.flat_map(|t| &mut t.columns) {
                        if column
                            .default
                            .as_deref()
                            .is_some_and(|d| d.contains(&taken))
                        {
                            column.default = None;
                        }
                    }
                }
            }
            DropKind::Type | DropKind::Domain => {
                let name = types::user_type_name(written, catalog);
                catalog.types.remove(&name);
                if drop.behavior == DropBehavior::Cascade {
                    columns_of_type(catalog, &name);
                }
            }
            DropKind::Schema => schema(catalog, &written.name),
            DropKind::Function => {
                // Which overload goes is not told apart: with several, all may still be there.
                let name = function_name(catalog, &name);
                if catalog
                    .functions
                    .get(&name)
                    .is_some_and(|all| all.len() == 1)
                {
                    catalog.functions.remove(&name);
                }
                if drop.behavior == DropBehavior::Cascade {
                    catalog.complete = false;
                }
            }
            DropKind::Trigger | DropKind::Policy | DropKind::Rule => {
                let Some(on) = &drop.on else { continue };
                let on = catalog.resolve(on);
                for member in super::constraint::members(catalog, &on) {
                    let Some(table) = catalog.tables.get_mut(&member) else {
                        continue;
                    };
                    match drop.kind {
                        DropKind::Trigger => {
                            table
                                .triggers
                                .retain(|t| t.name != written.name || (member != on && !t.cloned));
                        }
                        DropKind::Policy if member == on => {
                            table.policies.retain(|p| p.name != written.name);
                        }
                        DropKind::Rule if member == on => {
                            table.rules.retain(|r| *r != written.name);
                        }
                        _ => {}
                    }
                }
            }
            DropKind::Statistics => {
                let tables = &mut catalog.tables;
                for table in tables.values_mut_if(|table| !table.statistics.is_empty()) {
                    table
                        .statistics
                        .retain(|(known, _)| known.name != name.name);
                }
            }
            DropKind::Publication => {
                let tables = &mut catalog.tables;
                for table in tables.values_mut_if(|table| !table.publications.is_empty()) {
                    table.publications.retain(|p| p.name != written.name);
                }
            }
            DropKind::Extension | DropKind::Other(_) => {
                if drop.behavior == DropBehavior::Cascade {
                    catalog.complete = false;
                }
            }
        }
    }
}

fn function_name(catalog: &Catalog, name: &ObjectName) -> ObjectName {
    catalog
        .search_path
        .iter()
        .map(|schema| ObjectName::new(schema.clone(), name.name.clone()))
        .find(|name| catalog.functions.contains_key(name))
        .unwrap_or_else(|| name.clone())
}

/// A table, its family, and foreign keys and views that need it. (The server refuses without
/// CASCADE; then nothing was there to go.)
fn table(catalog: &mut Catalog, name: &ObjectName) {
    for member in super::constraint::members(catalog, name).into_iter().rev() {
        catalog.tables.remove(&member);
        catalog
            .sequences
            .retain(|_, sequence| sequence.owned_by.as_ref().is_none_or(|(t, _)| *t != member));
        let related =
            |table: &Table| table.children.contains(&member) || references(table, &member);
        for table in catalog.tables.values_mut_if(related) {
            table.children.retain(|child| *child != member);
            table.constraints.retain(|constraint| {
                !matches!(&constraint.kind, ConstraintKind::ForeignKey { references, .. } if *references == member)
            });
        }
        let readers = readers(catalog, &member, None);
        views(catalog, readers, None);
    }
}

fn readers(catalog: &Catalog, relation: &ObjectName, column: Option<&Ident>) -> Vec<ObjectName> {
    catalog
        .views_reading(relation, column)
        .into_iter()
        .map(|view| view.name.clone())
        .collect()
}

/// Views, and those that read them.
fn views(catalog: &mut Catalog, names: Vec<ObjectName>, column: Option<&Ident>) {
    let mut todo = names;
    while let Some(name) = todo.pop() {
        if catalog.views.remove(&name).is_some() {
            catalog.tables.remove(&name);
            todo.extend(readers(catalog, &name, column));
        }
    }
}

fn index(catalog: &mut Catalog, name: &ObjectName) {
    let Some((table, _)) = catalog.index(name) else {
        return;
    };
    let table = table.name.clone();
    drop_index(catalog, &table, &name.name);
}

fn drop_index(catalog: &mut Catalog, table: &ObjectName, index: &Ident) {
    if let Some(table) = catalog.tables.get_mut(table) {
        table.indexes.retain(|own| own.name != *index);
    }
    let parent = table.sibling(index.clone());
    let parts: Vec<(ObjectName, Ident)> = catalog
        .tables
        .values()
        .flat_map(|table| table.indexes.iter().map(move |index| (table, index)))
        .filter(|(_, index)| index.parent.as_ref() == Some(&parent))
        .map(|(table, index)| (table.name.clone(), index.name.clone()))
        .collect();
    for (table, index) in parts {
        if let Some(table) = catalog.tables.get_mut(&table) {
            table.constraints.retain(|one| one.name != index);
        }
        drop_index(catalog, &table, &index);
    }
}

/// A column of one table, with what names it.
pub(super) fn column(
    catalog: &mut Catalog,
    table: &ObjectName,
    column: &Ident,
    behavior: DropBehavior,
) {
    let Some(owner) = catalog.tables.get_mut(table) else {
        return;
    };
    if owner.column(column).is_none() {
        return;
    }
    owner.columns.retain(|known| known.name != *column);
    owner
        .constraints
        .retain(|constraint| !constraint.columns().contains(column));
    owner.indexes.retain(|index| !index.names_column(column));
    owner
        .statistics
        .retain(|(_, columns)| !columns.contains(column));
    if behavior == DropBehavior::Cascade {
        owner.triggers.retain(|trigger| {
            !trigger.columns.contains(column) && !trigger.when_columns.contains(column)
        });
        owner
            .policies
            .retain(|policy| !policy.columns.contains(column));
        let computed: Vec<Ident> = owner
            .columns
            .iter()
            .filter(|other| {
                other
                    .generated
                    .as_ref()
                    .is_some_and(|generated| generated.columns.contains(column))
            })
            .map(|other| other.name.clone())
            .collect();
        for other in computed {
            self::column(catalog, table, &other, behavior);
        }
        let readers = readers(catalog, table, Some(column));
        views(catalog, readers, None);
    }
    let tables = &mut catalog.tables;
    for other in tables.values_mut_if(|other| references(other, table)) {
        other.constraints.retain(|constraint| {
            !matches!(&constraint.kind, ConstraintKind::ForeignKey { references, referenced_columns, .. }
                if references == table && referenced_columns.contains(column))
        });
    }
    let freed = (table.clone(), column.clone());
    catalog
        .sequences
        .retain(|_, sequence| sequence.owned_by.as_ref() != Some(&freed));
}

/// A constraint, in the whole family; the first is the table it was named on.
pub(super) fn constraint(
    catalog: &mut Catalog,
    members: &[ObjectName],
    name: &Ident,
    behavior: DropBehavior,
) {
    let Some((table, below)) = members.split_first() else {
        return;
    };
    let Some(owner) = catalog.tables.get_mut(table) else {
        return;
    };
    let Some(at) = owner.constraints.iter().position(|one| one.name == *name) else {
        not_null(catalog, members, name);
        return;
    };
    let dropped = owner.constraints.remove(at);
    let partitioned = owner.kind == TableKind::Partitioned;
    match &dropped.kind {
        ConstraintKind::Check { .. } => {
            if !dropped.no_inherit {
                drop_below(catalog, below, name);
            }
        }
        ConstraintKind::ForeignKey { .. } | ConstraintKind::Other => {
            if partitioned {
                drop_below(catalog, below, name);
            }
        }
        ConstraintKind::Unique { columns, index }
        | ConstraintKind::PrimaryKey { columns, index }
        | ConstraintKind::Exclude { columns, index } => {
            drop_index(catalog, table, index);
            if behavior == DropBehavior::Cascade {
                let tables = &mut catalog.tables;
                for other in tables.values_mut_if(|other| references(other, table)) {
                    other.constraints.retain(|constraint| {
                        !matches!(&constraint.kind, ConstraintKind::ForeignKey { references, referenced_columns, .. }
                            if references == table && referenced_columns == columns)
                    });
                }
            }
        }
    }
}

fn drop_below(catalog: &mut Catalog, tables: &[ObjectName], name: &Ident) {
    for table in tables {
        if let Some(table) = catalog.tables.get_mut(table) {
            table.constraints.retain(|one| one.name != *name);
        }
    }
}

/// A NOT NULL constraint (18).
fn not_null(catalog: &mut Catalog, members: &[ObjectName], name: &Ident) {
    let column = members.first().and_then(|table| {
        catalog
            .tables
            .get(table)?
            .columns
            .iter()
            .find_map(|column| {
                let (constraint, _) = column.not_null_constraint.as_ref()?;
                (constraint == name).then(|| column.name.clone())
            })
    });
    let Some(column) = column else { return };
    for table in members {
        if let Some(column) = super::constraint::column_mut(catalog, table, &column) {
            column.not_null = false;
            column.not_null_constraint = None;
        }
    }
}

fn columns_of_type(catalog: &mut Catalog, name: &ObjectName) {
    let ty = name.to_string();
    let found: Vec<(ObjectName, Ident)> = catalog
        .tables
        .values()
        .flat_map(|table: &Table| {
            table
                .columns
                .iter()
                .filter(|column| column.ty.strip_suffix("[]").unwrap_or(&column.ty) == ty)
                .map(|column| (table.name.clone(), column.name.clone()))
        })
        .collect();
    for (table, name) in found {
        column(catalog, &table, &name, DropBehavior::Cascade);
    }
}

fn schema(catalog: &mut Catalog, schema: &Ident) {
    let inside: Vec<ObjectName> = catalog
        .tables
        .keys()
        .filter(|name| name.schema == *schema)
        .cloned()
        .collect();
    for name in inside {
        table(catalog, &name);
    }
    catalog.schemas.retain(|known| known != schema);
    catalog.views.retain(|name, _| name.schema != *schema);
    catalog.sequences.retain(|name, _| name.schema != *schema);
    catalog.types.retain(|name, _| name.schema != *schema);
    catalog.functions.retain(|name, _| name.schema != *schema);
}
