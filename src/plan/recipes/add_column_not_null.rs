//! ADD COLUMN NOT NULL without a default: the old application cannot give a value, so the
//! migration must say what it is (`-- zdm: up …`); zdm does not guess.

use crate::{
    effects::LockMode,
    ident::Ident,
    parse::PhaseName,
    plan::{
        Backfill, Undo,
        added_column::AddedColumn,
        columns,
        draft::{Draft, Element, Refusal, Touch, lock},
        pieces,
        recipe::{Context, Recipe},
        state,
        sync_trigger::{Sync, SyncMode, Unfilled, sync_sql},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-column-not-null",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let added = AddedColumn::of(cx)?;
    (added.not_null && added.default.is_none()).then(|| draft_for(cx, &added))
}

fn draft_for(cx: &Context<'_>, added: &AddedColumn<'_>) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    let (table, column) = (&added.table, &added.def.name);
    let before = cx.plain_table(table)?;
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
    columns::check_sync_target(before, columns::HelperColumn::NotNeeded)?;
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
    let trigger = sync_sql(&sync, &cx.input.settings.journal_schema, cx.bypass);
    let mut create = vec![format!(
        "ALTER TABLE {table} ADD COLUMN {}",
        added.bare_definition(cx)
    )];
    create.extend(trigger.create);
    let mut undo = trigger.drop.clone();
    undo.push(format!("ALTER TABLE {table} DROP COLUMN {column}"));
    columns::count_unwritable(cx, &mut draft, table);
    let expand = draft.push(
        PhaseName::Expand,
        pieces::short_ddl(
            table,
            format!(
                "add {}.{column}, and give it a value wherever there is none",
                table.short()
            ),
            "the old application does not know the column",
            create,
        )
        .state(state::column_present(table, column))
        .undone_by(
            Undo::ddl(undo, lock(table, LockMode::AccessExclusive))
                .losing(added.values_of_its_own(cx, up, &trigger.unfilled)),
        ),
    );
    expand.new_needs_it = true;
    draft
        .conditions
        .extend(pieces::new_column_conditions(table));
    draft
        .conditions
        .extend(pieces::expression_conditions(cx, up));
    draft.push(
        PhaseName::Migrate,
        pieces::backfill(
            cx,
            table,
            Backfill {
                table: table.clone(),
                relations: vec![table.clone()],
                set: vec![pieces::assign(column, format!("({})", up.text))],
                unfilled: trigger.unfilled.clone(),
                volatile: false,
            },
        ),
    );
    draft.push(
        PhaseName::Migrate,
        pieces::verify_filled(cx, table, column, &trigger.unfilled),
    );
    let name = pieces::not_null_name(cx, table, column);
    let proof = pieces::prove_not_null(&mut draft, cx, table, column, &name, PhaseName::Migrate);
    let mut contract = proof.contract;
    contract.extend(trigger.drop);
    draft.push(
        PhaseName::Contract,
        pieces::short_ddl(
            table,
            format!("{}.{column} is NOT NULL: remove the trigger", table.short()),
            "from here on every application must give a value",
            contract,
        )
        .state(state::trigger_absent(table, &trigger.triggers[0]))
        .irreversible(),
    );
    added.inline_constraints(cx, &mut draft)?;
    draft.breaks_old = true;
    draft.synced.push((table.clone(), column.clone()));
    draft.touches.push(Touch::write(
        Element::Column(table.clone(), column.clone()),
        PhaseName::Expand,
    ));
    Ok(draft)
}
