//! DROP COLUMN: relaxed in expand so that the new application can stop writing it, dropped in
//! contract.

use crate::{
    effects::{LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{
        PhaseName,
        statement::{AlterActionKind, DropBehavior},
    },
    plan::{
        StepKind, columns,
        draft::{Draft, Refusal, step},
        pieces,
        recipe::{Context, Recipe},
        rows, state, touches,
        undo::restore_not_null,
        views,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "drop-column",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    match cx.alter()? {
        (
            table,
            AlterActionKind::DropColumn {
                if_exists,
                name,
                behavior,
            },
        ) => {
            let missing = cx
                .before
                .tables
                .get(&table)
                .is_some_and(|known| known.column(name).is_none());
            if missing && *if_exists {
                let mut draft = Draft::default();
                draft
                    .notes
                    .push(format!("{} has no {name}: nothing to drop", table.short()));
                return Some(Ok(draft));
            }
            Some(draft_for(cx, &table, name, *behavior))
        }
        _ => None,
    }
}

fn draft_for(
    cx: &Context<'_>,
    table: &ObjectName,
    name: &Ident,
    behavior: DropBehavior,
) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    check_droppable(cx, table, name, behavior)?;
    rows::checked_effects(cx)?;
    relax(cx, &mut draft, table, name)?;
    let mut drop = step(
        StepKind::Ddl,
        format!("drop {}.{name}", table.short()),
        "the old application reads it until it is gone; its data goes with it",
    )
    .sql([format!("ALTER TABLE {table} DROP COLUMN {name}")])
    .state(state::column_absent(table, name))
    .irreversible();
    for held in effects(&cx.op.alone, cx.before).locks {
        drop = drop.lock(&held.relation, held.mode);
    }
    drop = drop.lock(table, LockMode::AccessExclusive);
    let way = views::redefined::in_the_way(cx, table, name);
    if let Some(look) = way.look() {
        draft.push(PhaseName::Expand, look);
    }
    drop = way.around(drop, PhaseName::Contract, &mut draft);
    draft.push(PhaseName::Contract, drop);
    draft.breaks_old = true;
    draft.touches.extend(touches::column_and_hanging(
        cx,
        table,
        name,
        PhaseName::Contract,
    ));
    Ok(draft)
}

/// Refuses what the server would refuse, and CASCADE.
pub fn check_droppable(
    cx: &Context<'_>,
    table: &ObjectName,
    name: &Ident,
    behavior: DropBehavior,
) -> Result<(), Refusal> {
    let before = cx.known_table(table)?;
    columns::existing(before, name)?;
    if behavior == DropBehavior::Cascade {
        return Err(Refusal::new(
            "cascade",
            format!("DROP COLUMN {name} CASCADE would drop whatever depends on it"),
            "drop the column without CASCADE, and each dependent by name before it",
        ));
    }
    if let Some(view) = cx.before.views_reading(table, Some(name)).first() {
        return Err(Refusal::new(
            "fails",
            format!(
                "the view {} reads {}.{name}: the server refuses to drop it",
                view.name.short(),
                table.short()
            ),
            "change or drop the view first",
        ));
    }
    let referencing = cx.before.inbound_foreign_keys(table).into_iter().find(|(_, constraint)| {
        matches!(&constraint.kind, crate::catalog::ConstraintKind::ForeignKey { referenced_columns, .. }
            if referenced_columns.contains(name))
    });
    if let Some((child, constraint)) = referencing {
        return Err(Refusal::new(
            "fails",
            format!(
                "the foreign key {} of {} references {}.{name}: the server refuses to drop it",
                constraint.name,
                child.name.short(),
                table.short()
            ),
            format!(
                "ALTER TABLE {} DROP CONSTRAINT {}",
                child.name, constraint.name
            ),
        ));
    }
    Ok(())
}

/// Lets the new application leave the column out: without NOT NULL, unless it has a default.
pub fn relax(
    cx: &Context<'_>,
    draft: &mut Draft,
    table: &ObjectName,
    name: &Ident,
) -> Result<(), Refusal> {
    let before = cx.known_table(table)?;
    let column = columns::existing(before, name)?;
    let filled_by_itself =
        column.default.is_some() || column.identity.is_some() || column.generated.is_some();
    if !column.not_null || filled_by_itself {
        return Ok(());
    }
    let in_key = before
        .primary_key()
        .is_some_and(|key| key.columns().contains(name));
    if in_key || column.not_null_domain {
        draft.notes.push(format!(
            "{}.{name} cannot be left out before contract ({}): the new application must go on \
             writing it until then",
            table.short(),
            if in_key {
                "it is part of the primary key"
            } else {
                "its domain refuses NULL"
            }
        ));
        return Ok(());
    }
    if before.kind != crate::catalog::TableKind::Table {
        draft.notes.push(format!(
            "{}.{name} cannot be left out before contract (its table is no ordinary one): the \
             new application must go on writing it until then",
            table.short()
        ));
        return Ok(());
    }
    let mut relaxed = pieces::short_ddl(
        table,
        format!("let {}.{name} be left out", table.short()),
        "the new application no longer writes it",
        vec![format!(
            "ALTER TABLE {table} ALTER COLUMN {name} DROP NOT NULL"
        )],
    )
    .state(state::column_nullable(table, name));
    relaxed.undo = restore_not_null(cx, table, column);
    draft.push(PhaseName::Expand, relaxed).new_needs_it = true;
    draft.conditions.push((
        PhaseName::Migrate,
        format!(
            "the old application reads NULL in {}.{name} of rows that the new one wrote without it",
            table.short()
        ),
    ));
    Ok(())
}
