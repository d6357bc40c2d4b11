//! `ADD COLUMN b; UPDATE t SET b = f(a); DROP COLUMN a` in one file.
//!
//! Split naively into phases it loses every row written in between (pitfall 44). So the UPDATE is
//! read as b's `up`: a sync trigger keeps b true while the old application writes a, the backfill
//! does what the UPDATE would have done, and the trigger goes in one transaction with the column.

use crate::{
    catalog::apply::names_in,
    effects::effects,
    ident::{Ident, ObjectName},
    parse::{DirectiveKind, PhaseName, StatementKind, statement::AlterActionKind},
    plan::{
        added_column::AddedColumn,
        columns,
        draft::{Draft, Element, Refusal, Touch},
        filled_by_query,
        filled_column::FilledColumn,
        pieces,
        recipe::{Context, Recipe},
        recipes::drop_column,
        state,
        sync_trigger::{self, Down, Sync, SyncMode, Unfilled},
        touches,
        updates::{self, Derived},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "column-from-update",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let added = AddedColumn::of(cx)?;
    if filled_by_query::stands_apart(cx, cx.at, &added.table, &added.def.name) {
        return None;
    }
    let derived = updates::derived(cx, &added.table, &added.def.name)?;
    Some(derived.and_then(|derived| draft_for(cx, &added, &derived)))
}

fn draft_for(
    cx: &Context<'_>,
    added: &AddedColumn<'_>,
    derived: &Derived,
) -> Result<Draft, Refusal> {
    let (table, column) = (&added.table, &added.def.name);
    let before = cx.plain_table(table)?;
    added.refuse_unsupported(cx)?;
    let up = &derived.up;
    columns::check_expression(cx, before, up, "UPDATE's")?;
    columns::check_sync_target(before, columns::HelperColumn::Needed)?;
    let mut inputs: Vec<Ident> = Vec::new();
    for reference in &up.columns {
        if !inputs.contains(&reference.name) {
            inputs.push(reference.name.clone());
        }
    }
    let last = derived.updates.last().copied().unwrap_or(cx.at);
    let dropped = dropped_inputs(cx, table, last, &inputs);
    refuse_between(cx, table, &derived.updates, &dropped)?;
    let down = down_of(cx, added, derived, &dropped)?;
    // Where the old column stays, the new application may write it without meaning the new one.
    let mode = if dropped.is_empty() && down.is_none() {
        SyncMode::FollowInStep
    } else {
        SyncMode::Follow
    };
    let key = cx.key(table, column);
    let sync = Sync {
        unfilled: Unfilled::Marker(cx.own_name(&key, column)),
        key,
        table: table.clone(),
        new: column.clone(),
        up: up.clone(),
        inputs,
        down,
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
            "add {}.{column}, and keep it what the UPDATE says",
            table.short()
        ),
        reason: "whatever the old application writes from now on reaches the new column",
    };
    let mut draft = Draft::default();
    let trigger = filled.add_and_fill(cx, &mut draft);
    draft
        .conditions
        .extend(pieces::expression_conditions(cx, up));
    for (_, name) in &dropped {
        drop_column::relax(cx, &mut draft, table, name)?;
    }
    contract(cx, &mut draft, &filled, trigger.drop, &dropped)?;
    // The trigger goes: what the old application writes after that has no value of the new column.
    draft.breaks_old |= added.default.is_none();
    added.inline_constraints(cx, &mut draft)?;
    draft.includes.extend(&derived.updates);
    draft.includes.extend(dropped.iter().map(|(at, _)| *at));
    for input in &filled.sync.inputs {
        // Its trigger names these columns, so they cannot be moved meanwhile either.
        draft.synced.push((table.clone(), input.clone()));
        // What changes them later in the file must not reach the new column: it waits until the
        // trigger is gone.
        draft
            .touches
            .push(Touch::read(Element::Column(table.clone(), input.clone())));
    }
    draft.notes.push(format!(
        "{}.{column} is filled as the UPDATE says; an INSERT that leaves it NULL gets the same{}",
        table.short(),
        added.default.map_or_else(String::new, |default| format!(
            " until contract, and the default {} from then on",
            one_line(&default.text)
        ))
    ));
    if let Some(default) = added.default {
        draft.conditions.push((
            PhaseName::Migrate,
            format!(
                "until contract an INSERT that leaves {}.{column} out counts as one of the old \
                 application and gets what the UPDATE says ({}); to have {} whatever the row \
                 holds, the new application must give it",
                table.short(),
                one_line(&up.text),
                one_line(&default.text)
            ),
        ));
    }
    Ok(draft)
}

/// SQL on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Later operations of the file that drop a column the UPDATE reads.
fn dropped_inputs(
    cx: &Context<'_>,
    table: &ObjectName,
    after: usize,
    inputs: &[Ident],
) -> Vec<(usize, Ident)> {
    cx.ops
        .iter()
        .enumerate()
        .skip(after + 1)
        .filter_map(|(at, op)| {
            let StatementKind::AlterRelation(alter) = &op.statement.kind else {
                return None;
            };
            match op.action.map(|action| &action.kind) {
                Some(AlterActionKind::DropColumn { name, .. })
                    if cx.resolve(&alter.name) == *table && inputs.contains(name) =>
                {
                    Some((at, name.clone()))
                }
                _ => None,
            }
        })
        .collect()
}

/// Refuses a statement that names a column which goes, between the UPDATE and its DROP: the drop
/// is planned with the UPDATE, and so before whatever that statement makes.
fn refuse_between(
    cx: &Context<'_>,
    table: &ObjectName,
    updates: &[usize],
    dropped: &[(usize, Ident)],
) -> Result<(), Refusal> {
    for (drop, column) in dropped {
        let between = cx.ops[cx.at + 1..*drop]
            .iter()
            .enumerate()
            .find(|(at, op)| {
                let at = cx.at + 1 + at;
                let names: Vec<Ident> = names_in(&op.sql).collect();
                !updates.contains(&at)
                    && dropped.iter().all(|(other, _)| *other != at)
                    && names.contains(&table.name)
                    && names.contains(column)
            });
        if let Some((_, op)) = between {
            return Err(Refusal::new(
                "chained-change",
                format!(
                    "`{}` names {}.{column}, which a later statement of this file drops",
                    op.sql.split_whitespace().collect::<Vec<_>>().join(" "),
                    table.short()
                ),
                "put it into a migration before this one, or leave it out",
            ));
        }
    }
    Ok(())
}

/// A `down` directive on any of the statements concerned.
fn down_of(
    cx: &Context<'_>,
    added: &AddedColumn<'_>,
    derived: &Derived,
    dropped: &[(usize, Ident)],
) -> Result<Option<Down>, Refusal> {
    let statements = std::iter::once(cx.op.statement)
        .chain(derived.updates.iter().map(|at| cx.ops[*at].statement))
        .chain(dropped.iter().map(|(at, _)| cx.ops[*at].statement));
    for directive in statements.flat_map(|statement| &statement.directives) {
        let DirectiveKind::Down { column, expr } = &directive.kind else {
            continue;
        };
        let target = match (column, dropped) {
            (Some(column), _) => column.clone(),
            (None, [(_, only)]) => only.clone(),
            (None, _) => {
                return Err(Refusal::new(
                    "directive",
                    "`down` does not say which column it fills",
                    "write -- zdm: down(column) <expression over the new row>",
                ));
            }
        };
        let after = cx.after_table(&added.table).ok_or_else(|| {
            Refusal::new(
                "unknown-table",
                "the table is not known",
                "plan against a database",
            )
        })?;
        columns::check_expression(cx, after, expr, "down")?;
        return Ok(Some(Down {
            column: target,
            expr: expr.clone(),
        }));
    }
    Ok(None)
}

/// The last steps: the trigger goes in one transaction with the columns it reads.
fn contract(
    cx: &Context<'_>,
    draft: &mut Draft,
    filled: &FilledColumn<'_>,
    drop_trigger: Vec<String>,
    dropped: &[(usize, Ident)],
) -> Result<(), Refusal> {
    let added = filled.added;
    let (table, column) = (&added.table, &added.def.name);
    let mut sql = filled.prove(cx, draft)?;
    sql.extend(drop_trigger);
    if let Some(default) = added.default {
        sql.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {}",
            default.text
        ));
    }
    let mut title = format!(
        "{}.{column} stands on its own: remove the trigger",
        table.short()
    );
    let mut locks = Vec::new();
    for (at, name) in dropped {
        let op = &cx.ops[*at];
        let Some(AlterActionKind::DropColumn { behavior, .. }) =
            op.action.map(|action| &action.kind)
        else {
            continue;
        };
        drop_column::check_droppable(cx, table, name, *behavior)?;
        sql.push(format!("ALTER TABLE {table} DROP COLUMN {name}"));
        title = format!(
            "drop {}.{name} and what kept {column} in step with it",
            table.short()
        );
        locks.extend(effects(&op.alone, cx.before).locks);
        draft.breaks_old = true;
        draft.touches.extend(touches::column_and_hanging(
            cx,
            table,
            name,
            PhaseName::Contract,
        ));
    }
    draft.push(PhaseName::Contract, pieces::wait_for_snapshots());
    let mut step = pieces::short_ddl(
        table,
        title,
        "trigger first, and in the same transaction: no write falls between",
        sql,
    )
    .irreversible();
    for held in locks {
        step = step.lock(&held.relation, held.mode);
    }
    let gone = match (dropped.first(), &filled.sync.unfilled) {
        (Some((_, name)), _) | (None, Unfilled::Marker(name)) => state::column_absent(table, name),
        (None, Unfilled::Null | Unfilled::NullBesideValue { .. }) => {
            state::column_present(table, column)
        }
    };
    draft.push(PhaseName::Contract, step.state(gone));
    Ok(())
}
