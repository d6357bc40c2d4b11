//! ADD COLUMN with a volatile default: plain SQL would write the whole table anew under
//! ACCESS EXCLUSIVE. Instead: a nullable column and its default, a trigger that fills rows as they
//! are touched, a backfill, and NOT NULL at the end.

use crate::{
    effects::LockMode,
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
    let before = cx.plain_table(table)?;
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
    let marker = cx.own_name(&key, column);
    // Where NULL may stay, only a marker tells "not filled" from "NULL" (pitfall 47).
    let unfilled = if added.not_null {
        Unfilled::Null
    } else {
        Unfilled::Marker(marker.clone())
    };
    let helper = match &unfilled {
        Unfilled::Marker(_) => columns::HelperColumn::Needed,
        Unfilled::Null | Unfilled::NullBesideValue { .. } => columns::HelperColumn::NotNeeded,
    };
    columns::check_sync_target(before, helper)?;
    let sync = Sync {
        key,
        table: table.clone(),
        new: column.clone(),
        up: default.clone(),
        inputs: Vec::new(),
        down: None,
        unfilled: unfilled.clone(),
        mode: SyncMode::FillOld,
        search_path: cx.before.search_path.clone(),
    };
    let trigger = sync_sql(&sync, &cx.input.settings.journal_schema, cx.bypass);
    let mut create = vec![
        format!(
            "ALTER TABLE {table} ADD COLUMN {}",
            added.bare_definition(cx)
        ),
        format!(
            "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {}",
            default.text
        ),
    ];
    let mut drop = trigger.drop.clone();
    let mut set = vec![pieces::assign(column, format!("({})", default.text))];
    if helper == columns::HelperColumn::Needed {
        create.push(format!(
            "ALTER TABLE {table} ADD COLUMN {marker} boolean DEFAULT true"
        ));
        create.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {marker} SET DEFAULT NULL"
        ));
        set.push(pieces::assign(&marker, "NULL"));
        drop.push(format!("ALTER TABLE {table} DROP COLUMN {marker}"));
    }
    create.extend(trigger.create);
    let mut undo = drop.clone();
    undo.push(format!("ALTER TABLE {table} DROP COLUMN {column}"));
    columns::count_unwritable(cx, &mut draft, table);
    let expand = draft.push(
        PhaseName::Expand,
        pieces::short_ddl(
            table,
            format!(
                "add {}.{column}, and fill it in every row that is touched",
                table.short()
            ),
            "new rows get the default; a rewrite of the table is avoided",
            create,
        )
        .state(state::column_present(table, column))
        .undone_by(Undo::ddl(undo, lock(table, LockMode::AccessExclusive))),
    );
    expand.new_needs_it = true;
    draft
        .conditions
        .extend(pieces::new_column_conditions(table));
    draft.push(
        PhaseName::Migrate,
        pieces::backfill(
            cx,
            table,
            Backfill {
                table: table.clone(),
                relations: vec![table.clone()],
                set,
                unfilled: trigger.unfilled.clone(),
                volatile: true,
            },
        ),
    );
    draft.push(
        PhaseName::Migrate,
        pieces::verify_filled(cx, table, column, &trigger.unfilled),
    );
    let mut contract = Vec::new();
    if added.not_null {
        let name = pieces::not_null_name(cx, table, column);
        let proof =
            pieces::prove_not_null(&mut draft, cx, table, column, &name, PhaseName::Migrate);
        contract.extend(proof.contract);
    }
    contract.extend(drop);
    draft.push(
        PhaseName::Contract,
        pieces::short_ddl(
            table,
            format!("{}.{column} is complete: remove the trigger", table.short()),
            "every row has its value",
            contract,
        )
        .state(state::trigger_absent(table, &trigger.triggers[0]))
        .irreversible(),
    );
    added.inline_constraints(cx, &mut draft)?;
    draft.synced.push((table.clone(), column.clone()));
    draft.touches.push(Touch::write(
        Element::Column(table.clone(), column.clone()),
        PhaseName::Expand,
    ));
    Ok(draft)
}
