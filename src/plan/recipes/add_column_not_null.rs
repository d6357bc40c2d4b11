//! ADD COLUMN NOT NULL without a default: the old application cannot give a value, so the
//! migration must say what it is (`-- zdm: up …`); zdm does not guess.

use crate::{
    ident::Ident,
    parse::PhaseName,
    plan::{
        added_column::AddedColumn,
        columns,
        draft::{Draft, Refusal},
        filled_column::FilledColumn,
        partitions, pieces,
        recipe::{Context, Recipe},
        state,
        sync_trigger::{self, Sync, SyncMode, Unfilled},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-column-not-null",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let added = AddedColumn::of(cx)?;
    (added.not_null && added.default.is_none() && added.numbered.is_none())
        .then(|| draft_for(cx, &added))
}

fn draft_for(cx: &Context<'_>, added: &AddedColumn<'_>) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    let (table, column) = (&added.table, &added.def.name);
    let before = partitions::plain_or_tree(cx, table)?;
    if before.column(column).is_some() && added.if_not_exists {
        draft.notes.push(format!(
            "{}.{column} exists already: nothing to do",
            table.short()
        ));
        return Ok(draft);
    }
    added.refuse_unsupported(cx)?;
    let Some(up) = cx.up(column) else {
        return Err(Refusal::new(
            "missing-up",
            format!(
                "{}.{column} is NOT NULL and has no default: existing rows, and rows that the old \
                 application writes, need a value",
                table.short()
            ),
            format!("write on the line before: -- zdm: up({column}) <expression over the row>"),
        ));
    };
    columns::check_expression(cx, before, up, "up")?;
    columns::check_sync_tree(cx, before, columns::HelperColumn::NotNeeded)?;
    let mut inputs: Vec<Ident> = Vec::new();
    for reference in &up.columns {
        if !inputs.contains(&reference.name) {
            inputs.push(reference.name.clone());
        }
    }
    // What the old application goes on writing must reach the new column.
    let mode = if inputs.is_empty() {
        SyncMode::Fill
    } else {
        SyncMode::FollowInStep
    };
    let sync = Sync {
        key: cx.key(table, column),
        table: table.clone(),
        new: column.clone(),
        up: up.clone(),
        inputs,
        down: None,
        unfilled: Unfilled::Null,
        mode,
        search_path: cx.before.search_path.clone(),
    };
    let unfilled = sync_trigger::unfilled(&sync);
    let filled = FilledColumn {
        added,
        sync,
        volatile: false,
        before: Vec::new(),
        after: Vec::new(),
        loses: Some(added.values_of_its_own(cx, up, &unfilled)),
        title: format!(
            "add {}.{column}, and give it a value wherever there is none",
            table.short()
        ),
        reason: "the old application does not know the column",
    };
    let trigger = filled.add_and_fill(cx, &mut draft);
    draft
        .conditions
        .extend(pieces::expression_conditions(cx, up));
    let mut contract = filled.prove(cx, &mut draft)?;
    contract.extend(trigger.drop);
    let last = pieces::short_ddl(
        table,
        format!("{}.{column} is NOT NULL: remove the trigger", table.short()),
        "from here on every application must give a value",
        contract,
    )
    .state(state::trigger_absent(table, &trigger.triggers[0]))
    .irreversible();
    draft.push(PhaseName::Contract, partitions::on_tree(cx, last, table));
    added.inline_constraints(cx, &mut draft)?;
    draft.breaks_old = true;
    Ok(draft)
}
