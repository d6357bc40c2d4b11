//! RENAME of a table: an updatable view under the new name while both applications run, and one
//! short transaction at the end that drops it and renames the table.
//!
//! Nothing is copied, so there is nothing to fill and no snapshot to wait for: a row is the same
//! row by either name. The view can do less than the table (pitfall 74), and the plan says what.

use crate::{
    catalog::{Table, TableKind},
    effects::{LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        statement::{AlterActionKind, RelationKind},
    },
    plan::{
        StepKind, Undo,
        draft::{Draft, Element, Refusal, Touch, lock, step},
        recipe::{Context, Recipe},
        state,
        views::stand_in,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "rename-table",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::AlterRelation(alter) = &cx.op.statement.kind else {
        return None;
    };
    let AlterActionKind::RenameTo(to) = &cx.op.action?.kind else {
        return None;
    };
    let name = cx.resolve(&alter.name);
    let table = cx.before.tables.get(&name)?;
    let by_table = matches!(alter.kind, RelationKind::Table | RelationKind::ForeignTable);
    if !by_table || table.kind == TableKind::MaterializedView || cx.phase_directive().is_some() {
        return None;
    }
    Some(draft_for(cx, table, to))
}

fn draft_for(cx: &Context<'_>, table: &Table, to: &Ident) -> Result<Draft, Refusal> {
    let name = &table.name;
    let new = name.sibling(to.clone());
    check(cx, table, &new)?;
    let effects = effects(&cx.op.alone, cx.before);
    let mut draft = Draft::default();
    let sql = stand_in::sql(cx, table, &new, name, &[]);
    let made = step(
        StepKind::Ddl,
        format!("make {} known as {} too", name.short(), new.short()),
        "both applications find the table under the name they know; they read and write the same \
         rows",
    )
    .sql(sql)
    .lock(name, LockMode::AccessShare)
    .state(state::relation_present(&new))
    .undone_by(Undo::ddl(
        [format!("DROP VIEW IF EXISTS {new}")],
        lock(&new, LockMode::AccessExclusive),
    ));
    draft.push(PhaseName::Expand, made).new_needs_it = true;
    let mut renamed = step(
        StepKind::Ddl,
        format!("rename {} to {}", name.short(), new.short()),
        "the view goes in the same transaction: the new name is there at every moment",
    )
    .sql([format!("DROP VIEW {new}"), cx.op.sql.clone()])
    .state(state::relation_absent(name))
    .irreversible();
    for held in &effects.locks {
        renamed = renamed.lock(&held.relation, held.mode);
    }
    renamed = renamed.lock(&new, LockMode::AccessExclusive);
    draft.push(PhaseName::Contract, renamed);
    draft.breaks_old = true;
    draft.touches = [name.clone(), new.clone()]
        .map(|name| Touch::write(Element::Relation(name), PhaseName::Contract))
        .into();
    draft.conditions.push((
        PhaseName::Migrate,
        format!(
            "until contract {new} is a view: {} do not work by that name; a new application that \
             needs them must use {new} only after contract",
            stand_in::LIMITS,
            new = new.short(),
        ),
    ));
    Ok(draft)
}

fn check(cx: &Context<'_>, table: &Table, new: &ObjectName) -> Result<(), Refusal> {
    if cx.before.has_relation(new) {
        return Err(Refusal::new(
            "fails",
            format!("{} is there already: the server refuses this", new.short()),
            "choose another name",
        ));
    }
    stand_in::refuse_rights(
        cx,
        table,
        "say `-- zdm: phase contract`: the table is then renamed there at once, and the new \
         application can work only after it",
    )?;
    if let Some((known, column)) = cx.synced.iter().find(|(known, _)| *known == table.name) {
        return Err(Refusal::new(
            "chained-rename",
            format!(
                "an earlier statement of this file keeps {}.{column} in step with another column \
                 until contract",
                known.short()
            ),
            "rename the table in a migration of its own",
        ));
    }
    Ok(())
}
