//! Columns that cannot be renamed through a second one, and why.

use crate::{
    catalog::{Column, Table},
    ident::Ident,
    parse::{Strategy, expr_from_text},
    plan::{columns, draft::Refusal, moves, recipe::Context},
};

pub(super) fn check(
    cx: &Context<'_>,
    table: &Table,
    column: &Column,
    to: &Ident,
) -> Result<(), Refusal> {
    let place = format!("{}.{}", table.name.short(), column.name);
    match cx.strategy() {
        None | Some(Strategy::Trigger | Strategy::View) => {}
        Some(Strategy::Shadow) => {
            return Err(Refusal::new(
                "not-yet",
                format!("the strategy asked for to rename {place} does not exist yet"),
                "leave the directive out for a second column that triggers keep in step, or say \
                 `-- zdm: strategy view` for a view that shows the column under both names",
            ));
        }
    }
    refuse_taken(table, to)?;
    if cx
        .synced
        .iter()
        .any(|(known, synced)| *known == table.name && *synced == column.name)
    {
        return Err(Refusal::new(
            "chained-rename",
            format!("an earlier statement of this file makes {place}, or a column from it"),
            "give the column its final name in that statement, or put this one into a migration \
             of its own",
        ));
    }
    moves::refuse_immovable(cx.before, table, column)?;
    columns::check_followed(cx, table, column)?;
    let view = cx
        .before
        .views_reading(&table.name, Some(&column.name))
        .into_iter()
        .find(|view| {
            view.reads.iter().any(|(relation, read)| {
                cx.synced.iter().any(|(known, synced)| {
                    known == relation && read.as_ref().is_none_or(|read| read == synced)
                })
            })
        });
    if let Some(view) = view {
        return Err(Refusal::new(
            "chained-rename",
            format!(
                "the view {} reads {place} and another column that an earlier statement of this \
                 file moves",
                view.name.short()
            ),
            "put this rename into a migration of its own",
        ));
    }
    columns::check_sync_target(table, columns::HelperColumn::NotNeeded)?;
    if !column.not_null
        && column
            .default
            .as_deref()
            .is_some_and(|text| !expr_from_text(text).is_null())
    {
        return Err(Refusal::new(
            "undecidable-insert",
            format!(
                "{place} has a default and may be NULL: of an INSERT that leaves the new column \
                 NULL nobody can tell whether NULL was meant or nothing was given"
            ),
            "make the column NOT NULL, or drop its default, in a migration before this one",
        ));
    }
    Ok(())
}

/// Refuses a name that another column has.
pub(super) fn refuse_taken(table: &Table, to: &Ident) -> Result<(), Refusal> {
    if table.column(to).is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        "fails",
        format!(
            "{} has a column {to} already: the server refuses this",
            table.name.short()
        ),
        "choose another name",
    ))
}
