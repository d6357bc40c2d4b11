//! ADD PRIMARY KEY, and keys that take over an index which is there.
//!
//! NULLs and duplicates are counted first. Where a column is not NOT NULL yet, that is proved under
//! a weak lock; the index is built concurrently; contract only changes the catalog. A primary key
//! that the same file drops before goes in that very transaction, so that the table is never
//! without one.

use crate::{
    catalog::Constraint,
    effects::effects,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        statement::{
            AlterActionKind, ColumnConstraintKind, DropBehavior, Key, TableConstraint,
            TableConstraintKind,
        },
    },
    plan::{
        draft::{Draft, Element, Refusal, Touch},
        keys::{self, NewKey},
        recipe::{Context, Recipe},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-primary-key",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (table, action) = cx.alter()?;
    match action {
        AlterActionKind::AddConstraint(constraint) => match &constraint.kind {
            TableConstraintKind::Key(key) if key.primary => {
                Some(new_key(cx, &table, constraint, key))
            }
            TableConstraintKind::KeyUsingIndex { primary, index } => {
                Some(existing_index(cx, &table, constraint, *primary, index))
            }
            TableConstraintKind::Key(_)
            | TableConstraintKind::Check(_)
            | TableConstraintKind::NotNull(_)
            | TableConstraintKind::ForeignKey { .. }
            | TableConstraintKind::Exclude(_) => None,
        },
        AlterActionKind::DropConstraint {
            name,
            behavior: DropBehavior::Restrict,
            ..
        } => replaced(cx, &table, name).map(Ok),
        _ => None,
    }
}

fn new_key(
    cx: &Context<'_>,
    table: &ObjectName,
    constraint: &TableConstraint,
    key: &Key,
) -> Result<Draft, Refusal> {
    let before = cx.plain_table(table)?;
    if let Some(other) = before.primary_key() {
        return Err(second_key(table, other));
    }
    let mut draft = Draft::default();
    let new = NewKey {
        table,
        key,
        written: constraint.name.as_ref(),
        attributes: constraint.attributes,
    };
    let mut sql = drop_of_replaced(cx, table, &mut draft);
    let replaces = !sql.is_empty();
    sql.extend(keys::prove_not_null(cx, &mut draft, table, &key.columns)?);
    let built = new.build(cx, &mut draft)?;
    sql.push(built.attach);
    let step = draft.push(
        PhaseName::Contract,
        keys::attach_step(table, &built.name, &built.index, sql),
    );
    if replaces {
        step.step.title = format!("exchange the primary key of {}", table.short());
    }
    Ok(draft)
}

/// Why a table cannot get another primary key.
pub fn second_key(table: &ObjectName, other: &Constraint) -> Refusal {
    Refusal::new(
        "fails",
        format!(
            "{} has a primary key already, {}: the server refuses a second one",
            table.short(),
            other.name
        ),
        format!(
            "drop it first: ALTER TABLE {table} DROP CONSTRAINT {}",
            other.name
        ),
    )
}

/// `ADD … USING INDEX` of an index that is there, or that an earlier statement of the file builds.
fn existing_index(
    cx: &Context<'_>,
    table: &ObjectName,
    constraint: &TableConstraint,
    primary: bool,
    index: &Ident,
) -> Result<Draft, Refusal> {
    let before = cx.plain_table(table)?;
    let fails = |why: String, help: &str| Err(Refusal::new("fails", why, help));
    let Some(known) = before.index(index) else {
        return fails(
            format!("{} has no index {index}", table.short()),
            "check the name: the server would refuse this statement",
        );
    };
    let columns: Option<Vec<Ident>> = known.keys.iter().map(|key| key.column.clone()).collect();
    let Some(columns) = columns.filter(|_| known.unique && known.predicate.is_none()) else {
        return fails(
            format!(
                "{index} is not a unique index over plain columns of all rows: no key can take it over"
            ),
            "build a unique index without WHERE and without expressions",
        );
    };
    if known.keys.iter().any(|key| key.own_order) {
        return fails(
            format!(
                "{index} has a sort order of its own (DESC, NULLS FIRST, an operator class or a \
                 collation): no key can take it over"
            ),
            "build a unique index over the columns alone",
        );
    }
    let mut draft = Draft::default();
    let mut sql = Vec::new();
    if primary {
        sql.extend(drop_of_replaced(cx, table, &mut draft));
        sql.extend(keys::prove_not_null(cx, &mut draft, table, &columns)?);
    }
    let name = constraint.name.as_ref().unwrap_or(index);
    sql.push(keys::attach(
        table,
        name,
        primary,
        index,
        constraint.attributes,
    ));
    draft.push(
        PhaseName::Contract,
        keys::attach_step(table, name, index, sql),
    );
    for column in columns {
        let column = Element::Column(table.clone(), column);
        draft.touches.push(Touch::read(column));
    }
    for name in [name, index] {
        let name = Element::Name(table.sibling(name.clone()));
        draft.touches.push(Touch::write(name, PhaseName::Contract));
    }
    Ok(draft)
}

/// The DROP of a primary key that a later statement of the file replaces: it has no step of its
/// own, the new key's contains it.
fn replaced(cx: &Context<'_>, table: &ObjectName, name: &Ident) -> Option<Draft> {
    let known = cx.before.tables.get(table)?;
    let key = known.primary_key()?;
    if key.name != *name || cx.phase_directive().is_some() || cx.is_fresh(table) {
        return None;
    }
    replacement(cx, table)?;
    // What the server refuses, a foreign key that references it say, is refused as it always is.
    effects(&cx.op.alone, cx.before).fails.is_none().then(|| {
        let mut draft = Draft {
            breaks_old: true,
            left_to_later: true,
            ..Draft::default()
        };
        draft.notes.push(format!(
            "{name} of {} is dropped in the transaction that adds the new primary key",
            table.short()
        ));
        draft
    })
}

/// The later operation that adds a primary key, if nothing in between can mind that the old one
/// is still there.
fn replacement(cx: &Context<'_>, table: &ObjectName) -> Option<usize> {
    for (at, op) in cx.ops.iter().enumerate().skip(cx.at + 1) {
        let of_table = match &op.statement.kind {
            StatementKind::AlterRelation(alter) => cx.resolve(&alter.name) == *table,
            StatementKind::Update(_) | StatementKind::CreateIndex(_) => false,
            _ => crate::catalog::apply::names_in(&op.sql).any(|name| name == table.name),
        };
        if !of_table {
            continue;
        }
        match op.action.map(|action| &action.kind) {
            Some(AlterActionKind::AddConstraint(constraint)) => match &constraint.kind {
                TableConstraintKind::Key(key) if key.primary => return Some(at),
                TableConstraintKind::KeyUsingIndex { primary: true, .. } => return Some(at),
                _ => {}
            },
            Some(AlterActionKind::AddColumn { column, .. }) => {
                let key = column
                    .constraints
                    .iter()
                    .any(|one| matches!(one.kind, ColumnConstraintKind::PrimaryKey));
                if key {
                    return Some(at);
                }
            }
            _ => return None,
        }
    }
    None
}

/// The DROP of the primary key that this one replaces.
pub fn drop_of_replaced(cx: &Context<'_>, table: &ObjectName, draft: &mut Draft) -> Vec<String> {
    let dropped = cx.ops[..cx.at]
        .iter()
        .enumerate()
        .rev()
        .find_map(|(at, op)| {
            let StatementKind::AlterRelation(alter) = &op.statement.kind else {
                return None;
            };
            match op.action.map(|action| &action.kind) {
                Some(AlterActionKind::DropConstraint { name, .. })
                    if cx.resolve(&alter.name) == *table && cx.left.contains(&at) =>
                {
                    Some(name)
                }
                _ => None,
            }
        });
    let Some(name) = dropped else {
        return Vec::new();
    };
    let element = Element::Name(table.sibling(name.clone()));
    draft.touches.push(Touch::taken_over(element));
    vec![format!("ALTER TABLE {table} DROP CONSTRAINT {name}")]
}
