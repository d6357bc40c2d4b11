//! Views that a migration drops and makes anew: `DROP VIEW v; …; CREATE VIEW v AS …`.
//!
//! People write this because a column that the view reads is to change. Taken one by one the
//! statements would leave clients without the view in between. So both go into one transaction:
//! that of the first change between them that needs the view out of its way, or, where nothing
//! does, one of their own at the place of the CREATE.

use crate::{
    catalog::{Catalog, View, apply::apply},
    ident::{Ident, ObjectName, QualifiedName},
    parse::{
        StatementKind,
        expr::output_columns,
        statement::{AlterActionKind, ColumnAction, Drop, DropBehavior, DropKind, RelationKind},
    },
    plan::{
        operation::Operation,
        recipe::Context,
        views::{Recreate, dependents},
    },
};

/// A view that the file drops and makes anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redefined {
    /// The view.
    pub name: ObjectName,
    /// Position of the DROP VIEW.
    pub dropped: usize,
    /// Position of the CREATE VIEW.
    pub created: usize,
    /// Positions behind it of what belongs to the new view: grants, comments, its owner.
    pub belongings: Vec<usize>,
    /// Position of the first change of a column between the two that the old view stands in the
    /// way of.
    pub taken_by: Option<usize>,
}

/// The view that an operation creates.
pub fn created_view<'a>(op: &Operation<'a>) -> Option<&'a QualifiedName> {
    match &op.statement.kind {
        StatementKind::Opaque(opaque) if opaque.keywords.starts_with("CREATE VIEW") => {
            opaque.names.first()
        }
        _ => None,
    }
}

/// Whether the operation is a GRANT, COMMENT or ALTER VIEW about the view.
fn belongs_to(cx: &Context<'_>, op: &Operation<'_>, view: &ObjectName) -> bool {
    let is_it = |name: &QualifiedName| {
        // Of a column, the name before the last is the view's.
        in_full(cx, name) == *view || name.schema.as_ref() == Some(&view.name)
    };
    match &op.statement.kind {
        StatementKind::Opaque(opaque) => {
            ["GRANT", "COMMENT"]
                .iter()
                .any(|word| opaque.keywords.starts_with(word))
                && opaque.names.iter().any(is_it)
                // The other names are those of roles.
                && !opaque
                    .names
                    .iter()
                    .any(|name| !is_it(name) && cx.input.catalog.has_relation(&in_full(cx, name)))
        }
        StatementKind::AlterRelation(alter) => {
            alter.kind == RelationKind::View
                && in_full(cx, &alter.name) == *view
                && matches!(
                    op.action.map(|action| &action.kind),
                    Some(AlterActionKind::OwnerTo(_) | AlterActionKind::SetOptions(_))
                )
        }
        _ => false,
    }
}

fn in_full(cx: &Context<'_>, name: &QualifiedName) -> ObjectName {
    cx.input.catalog.resolve(name)
}

/// The DROP VIEW that an operation is.
pub fn dropped_views<'a>(op: &Operation<'a>) -> Option<&'a Drop> {
    match &op.statement.kind {
        StatementKind::Drop(drop)
            if drop.kind == DropKind::View && drop.behavior == DropBehavior::Restrict =>
        {
            Some(drop)
        }
        _ => None,
    }
}

/// Every view that existed before the file and that it drops and makes anew, in file order.
pub fn redefined(cx: &Context<'_>) -> Vec<Redefined> {
    let mut found: Vec<Redefined> = Vec::new();
    for (dropped, op) in cx.ops.iter().enumerate() {
        let names = dropped_views(op).map_or(&[][..], |drop| &drop.names);
        for name in names {
            let name = in_full(cx, name);
            let known = cx.input.catalog.views.contains_key(&name)
                && !found.iter().any(|earlier| earlier.name == name);
            let created = (dropped + 1..cx.ops.len()).find(|at| {
                created_view(&cx.ops[*at]).is_some_and(|made| in_full(cx, made) == name)
            });
            let (true, Some(created)) = (known, created) else {
                continue;
            };
            found.push(Redefined {
                taken_by: (dropped + 1..created).find(|at| stops(cx, &cx.ops[*at], &name)),
                belongings: (created + 1..cx.ops.len())
                    .filter(|at| belongs_to(cx, &cx.ops[*at], &name))
                    .collect(),
                name,
                dropped,
                created,
            });
        }
    }
    found
}

/// Whether the view, as it was before the file, stops the operation.
fn stops(cx: &Context<'_>, op: &Operation<'_>, view: &ObjectName) -> bool {
    let StatementKind::AlterRelation(alter) = &op.statement.kind else {
        return false;
    };
    let Some(
        AlterActionKind::DropColumn { name: column, .. }
        | AlterActionKind::AlterColumn {
            name: column,
            action: ColumnAction::Type { .. },
        }
        | AlterActionKind::RenameColumn { from: column, .. },
    ) = op.action.map(|action| &action.kind)
    else {
        return false;
    };
    let table = in_full(cx, &alter.name);
    reads(cx.input.catalog, view, &table, column)
}

fn reads(catalog: &Catalog, view: &ObjectName, table: &ObjectName, column: &Ident) -> bool {
    dependents(catalog, table, column)
        .iter()
        .any(|reader| reader.name == *view)
}

/// The views of the file that stand in the way of this change of a column: dropped before, made
/// anew behind.
pub fn in_the_way(cx: &Context<'_>, table: &ObjectName, column: &Ident) -> Recreate {
    let mut recreate = Recreate::default();
    let mut found = redefined(cx);
    found.sort_by_key(|view| view.created);
    let mut dropped = Vec::new();
    for view in found {
        let between = view.dropped < cx.at && cx.at < view.created;
        let Some(taken_by) = view.taken_by.filter(|by| between && *by <= cx.at) else {
            continue;
        };
        let after = with_new_definition(cx, &view);
        if taken_by == cx.at {
            recreate.includes.push(view.created);
            recreate.includes.extend(&view.belongings);
        } else if !reads(&after, &view.name, table, column) {
            // It has its new definition by now, which lets this change pass.
            continue;
        }
        dropped.push((view.dropped, format!("DROP VIEW {}", view.name)));
        recreate.create.push(cx.ops[view.created].sql.clone());
        let belongings = view.belongings.iter().map(|at| cx.ops[*at].sql.clone());
        recreate.create.extend(belongings);
        if let Some(made) = after.views.get(&view.name) {
            let old = cx.input.catalog.views.get(&view.name);
            recreate.keeps_columns &= old.is_some_and(|old| columns(old, made) == Columns::Kept);
            let reads = made.reads.iter().map(|(read, _)| read.clone());
            recreate.reads.extend(reads);
        }
        recreate.names.push(view.name);
    }
    dropped.sort_by_key(|(at, _)| *at);
    recreate.drop = dropped.into_iter().map(|(_, sql)| sql).collect();
    recreate
}

/// How the columns of a view change, as far as the old application must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// It still finds all of them.
    Kept,
    /// It misses one.
    Lost(Ident),
    /// They cannot be told.
    Unknown,
}

/// Whether a view still has the columns it had before the file.
pub fn columns(old: &View, new: &View) -> Columns {
    let (Some(old), Some(new)) = (names(old), names(new)) else {
        return Columns::Unknown;
    };
    match old.into_iter().find(|name| !new.contains(name)) {
        Some(lost) => Columns::Lost(lost),
        None => Columns::Kept,
    }
}

/// The names of a view's columns: those listed, then those of its query.
fn names(view: &View) -> Option<Vec<Ident>> {
    let listed: Vec<Ident> = view.columns.iter().map(|c| c.name.clone()).collect();
    match output_columns(&view.definition) {
        Some(queried) => {
            let further = queried.into_iter().skip(listed.len());
            Some(listed.iter().cloned().chain(further).collect())
        }
        None if listed.is_empty() => None,
        None => Some(listed),
    }
}

/// The catalog with the view as the file makes it.
pub fn with_new_definition(cx: &Context<'_>, view: &Redefined) -> Catalog {
    let mut catalog = cx.before.clone();
    let text = cx.input.script.source.text();
    apply(&mut catalog, &cx.ops[view.created].alone, text);
    catalog
}
