//! ADD COLUMN with a volatile default: plain SQL would write the whole table anew under
//! ACCESS EXCLUSIVE. Instead: a nullable column and its default, a trigger that fills rows as they
//! are touched, a backfill, and NOT NULL at the end.

use crate::{
    parse::PhaseName,
    plan::{
        added_column::AddedColumn,
        columns,
        draft::{Draft, Refusal},
        filled_column::FilledColumn,
        partitions, pieces,
        recipe::{Context, Recipe},
        state,
        sync_trigger::{Sync, SyncMode, Unfilled},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-column-volatile-default",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let added = AddedColumn::of(cx)?;
    added.volatile_default.then(|| draft_for(cx, &added))
}

fn draft_for(cx: &Context<'_>, added: &AddedColumn<'_>) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    let (table, column) = (&added.table, &added.def.name);
    let Some(default) = added.default else {
        return Ok(draft);
    };
    let before = partitions::plain_or_tree(cx, table)?;
    if before.column(column).is_some() && added.if_not_exists {
        draft.notes.push(format!(
            "{}.{column} exists already: nothing to do",
            table.short()
        ));
        return Ok(draft);
    }
    added.refuse_unsupported(cx)?;
    if !default.understood || default.has_query {
        return Err(Refusal::new(
            "expression",
            format!("the default `{}` was not understood", default.text),
            "write a default over functions and constants",
        ));
    }
    let key = cx.key(table, column);
    // Where NULL may stay, only a marker tells "not filled" from "NULL" (pitfall 47).
    let unfilled = if added.not_null {
        Unfilled::Null
    } else {
        Unfilled::Marker(cx.own_name(&key, column))
    };
    let helper = match &unfilled {
        Unfilled::Marker(_) => columns::HelperColumn::Needed,
        Unfilled::Null | Unfilled::NullBesideValue { .. } => columns::HelperColumn::NotNeeded,
    };
    columns::check_sync_tree(cx, before, helper)?;
    let sync = Sync {
        key,
        table: table.clone(),
        new: column.clone(),
        up: default.clone(),
        inputs: Vec::new(),
        down: None,
        unfilled,
        mode: SyncMode::FillOld,
        search_path: cx.before.search_path.clone(),
    };
    let filled = FilledColumn {
        added,
        sync,
        volatile: true,
        before: Vec::new(),
        after: vec![format!(
            "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {}",
            default.text
        )],
        loses: None,
        title: format!(
            "add {}.{column}, and fill it in every row that is touched",
            table.short()
        ),
        reason: "new rows get the default; a rewrite of the table is avoided",
    };
    let trigger = filled.add_and_fill(cx, &mut draft);
    let mut contract = filled.prove(cx, &mut draft)?;
    contract.extend(trigger.drop);
    let last = pieces::short_ddl(
        table,
        format!("{}.{column} is complete: remove the trigger", table.short()),
        "every row has its value",
        contract,
    )
    .state(state::trigger_absent(table, &trigger.triggers[0]))
    .irreversible();
    draft.push(PhaseName::Contract, partitions::on_tree(cx, last, table));
    added.inline_constraints(cx, &mut draft)?;
    Ok(draft)
}
