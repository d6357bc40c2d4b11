//! `ADD COLUMN b; UPDATE t SET b = f(a); DROP COLUMN a` in one file.
//!
//! Split naively into phases it loses every row written in between (pitfall 44). So the UPDATE is
//! read as b's `up`: a sync trigger keeps b true while the old application writes a, the backfill
//! does what the UPDATE would have done, and the trigger goes in one transaction with the column.

use crate::{
    catalog::{Volatility, apply::names_in, volatility::volatility},
    effects::{LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{
        DirectiveKind, Expr, PhaseName, StatementKind, expr_from_text,
        statement::{AlterActionKind, Update},
    },
    plan::{
        Backfill, Undo,
        added_column::AddedColumn,
        columns,
        draft::{Draft, Element, Refusal, Touch, lock},
        pieces,
        recipe::{Context, Recipe},
        recipes::drop_column,
        state,
        sync_trigger::{Down, Sync, SyncMode, Unfilled, sync_sql},
        touches,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "column-from-update",
    draft,
};

/// The UPDATE that fills a column added earlier in the file.
struct Filler<'a> {
    at: usize,
    update: &'a Update,
    expr: &'a Expr,
}

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let added = AddedColumn::of(cx)?;
    let filler = filler(cx, &added)?;
    Some(draft_for(cx, &added, &filler))
}

/// Finds a later UPDATE of the file that sets the new column, and only new columns.
fn filler<'a>(cx: &Context<'a>, added: &AddedColumn<'_>) -> Option<Filler<'a>> {
    cx.ops
        .iter()
        .enumerate()
        .skip(cx.at + 1)
        .find_map(|(at, op)| {
            let StatementKind::Update(update) = &op.statement.kind else {
                return None;
            };
            if cx.resolve(&update.table) != added.table {
                return None;
            }
            let assignments = update.assignments.as_ref()?;
            let (_, expr) = assignments
                .iter()
                .find(|(column, _)| *column == added.def.name)?;
            Some(Filler { at, update, expr })
        })
}

fn draft_for(
    cx: &Context<'_>,
    added: &AddedColumn<'_>,
    filler: &Filler<'_>,
) -> Result<Draft, Refusal> {
    let (table, column) = (&added.table, &added.def.name);
    let before = cx.plain_table(table)?;
    added.refuse_unsupported(cx)?;
    if added.default.is_some() {
        return Err(Refusal::new(
            "default-and-update",
            format!(
                "{}.{column} has a default and an UPDATE fills it: of a row written in between \
                 nobody could tell whether its value was given or defaulted",
                table.short()
            ),
            format!(
                "add the column without a default, and put ALTER COLUMN {column} SET DEFAULT into \
                 the next migration"
            ),
        ));
    }
    let up = up_of(cx, added, filler)?;
    columns::check_expression(cx, before, &up, "UPDATE's")?;
    columns::check_sync_target(before, columns::HelperColumn::Needed)?;
    let mut inputs: Vec<Ident> = Vec::new();
    for reference in &up.columns {
        if !inputs.contains(&reference.name) {
            inputs.push(reference.name.clone());
        }
    }
    let dropped = dropped_inputs(cx, table, filler.at, &inputs);
    refuse_between(cx, table, filler.at, &dropped)?;
    let down = down_of(cx, added, filler, &dropped)?;
    // Where the old column stays, the new application may write it without meaning the new one.
    let mode = if dropped.is_empty() && down.is_none() {
        SyncMode::FollowInStep
    } else {
        SyncMode::Follow
    };
    let key = cx.key(table, column);
    let marker = cx.own_name(&key, column);
    let sync = Sync {
        key,
        table: table.clone(),
        new: column.clone(),
        up: up.clone(),
        inputs,
        down,
        unfilled: Unfilled::Marker(marker.clone()),
        mode,
        search_path: cx.before.search_path.clone(),
    };
    let trigger = sync_sql(&sync, &cx.input.settings.journal_schema, cx.bypass);
    let mut draft = Draft::default();
    columns::count_unwritable(cx, &mut draft, table);
    let mut create = vec![
        format!(
            "ALTER TABLE {table} ADD COLUMN {}",
            added.bare_definition(cx)
        ),
        format!("ALTER TABLE {table} ADD COLUMN {marker} boolean DEFAULT true"),
        format!("ALTER TABLE {table} ALTER COLUMN {marker} SET DEFAULT NULL"),
    ];
    create.extend(trigger.create.clone());
    let mut undo = trigger.drop.clone();
    undo.push(format!(
        "ALTER TABLE {table} DROP COLUMN {marker}, DROP COLUMN {column}"
    ));
    draft
        .push(
            PhaseName::Expand,
            pieces::short_ddl(
                table,
                format!(
                    "add {}.{column}, and keep it what the UPDATE says",
                    table.short()
                ),
                "whatever the old application writes from now on reaches the new column",
                create,
            )
            .state(state::column_present(table, column))
            .undone_by(
                Undo::ddl(undo, lock(table, LockMode::AccessExclusive))
                    .losing(added.values_of_its_own(cx, &up, &trigger.unfilled)),
            ),
        )
        .new_needs_it = true;
    draft
        .conditions
        .extend(pieces::new_column_conditions(table));
    draft
        .conditions
        .extend(pieces::expression_conditions(cx, &up));
    for (_, name) in &dropped {
        drop_column::relax(cx, &mut draft, table, name)?;
    }
    draft.push(
        PhaseName::Migrate,
        pieces::backfill(
            cx,
            table,
            Backfill {
                table: table.clone(),
                relations: vec![table.clone()],
                set: vec![
                    pieces::assign(column, format!("({})", up.text)),
                    pieces::assign(&marker, "NULL"),
                ],
                unfilled: trigger.unfilled.clone(),
                volatile: false,
            },
        ),
    );
    draft.push(
        PhaseName::Migrate,
        pieces::verify_filled(cx, table, column, &trigger.unfilled),
    );
    contract(cx, &mut draft, added, &sync, trigger.drop, &dropped)?;
    if !added.not_null {
        added.inline_constraints(cx, &mut draft)?;
    }
    draft.includes.push(filler.at);
    draft.includes.extend(dropped.iter().map(|(at, _)| *at));
    draft.synced.push((table.clone(), column.clone()));
    // Its trigger names these columns, so they cannot be moved meanwhile either.
    let inputs = sync.inputs.iter();
    draft
        .synced
        .extend(inputs.map(|input| (table.clone(), input.clone())));
    draft.notes.push(format!(
        "{}.{column} is filled as the UPDATE says; an INSERT that leaves it NULL gets the same",
        table.short()
    ));
    Ok(draft)
}

/// The UPDATE as an expression over the row; a WHERE becomes a CASE.
fn up_of(cx: &Context<'_>, added: &AddedColumn<'_>, filler: &Filler<'_>) -> Result<Expr, Refusal> {
    let column = &added.def.name;
    let unclear = |why: &str| {
        Refusal::new(
            "column-from-update",
            format!(
                "the UPDATE that fills {}.{column} {why}",
                added.table.short()
            ),
            "write it as UPDATE t SET b = <expression over the row>, or give the value as \
             `-- zdm: up(b) …` before ADD COLUMN and leave the UPDATE out",
        )
    };
    if filler.update.other_clauses {
        return Err(unclear("reads other tables or returns rows"));
    }
    let assigned = filler.update.assignments.as_deref().unwrap_or_default();
    if let Some((other, _)) = assigned.iter().find(|(name, _)| name != column) {
        return Err(unclear(&format!("also sets {other}")));
    }
    if volatility(filler.expr, cx.before) == Volatility::Volatile {
        return Err(unclear(
            "is volatile: rows written in between would get another value",
        ));
    }
    if filler.expr.names_column(column) {
        return Err(unclear("reads the column it sets"));
    }
    let plain = |expr: &Expr| expr.rewrite(|reference| Some(reference.name.quoted()));
    let value = plain(filler.expr);
    match &filler.update.predicate {
        None => Ok(expr_from_text(&value)),
        Some(predicate) if is_null_test(predicate, column) => Ok(expr_from_text(&value)),
        Some(predicate) if predicate.names_column(column) => {
            Err(unclear("filters by the column it sets"))
        }
        Some(predicate) => Ok(expr_from_text(&format!(
            "CASE WHEN {} THEN {value} END",
            plain(predicate)
        ))),
    }
}

/// Whether a condition is `column IS NULL` and nothing else.
fn is_null_test(predicate: &Expr, column: &Ident) -> bool {
    let text = predicate.rewrite(|reference| Some(reference.name.quoted()));
    let words: Vec<String> = text
        .split_whitespace()
        .map(str::to_ascii_lowercase)
        .collect();
    words.len() == 3
        && text.split_whitespace().next() == Some(column.quoted().as_str())
        && words[1..] == ["is", "null"]
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
    filler: usize,
    dropped: &[(usize, Ident)],
) -> Result<(), Refusal> {
    for (drop, column) in dropped {
        let between = cx.ops[cx.at + 1..*drop]
            .iter()
            .enumerate()
            .find(|(at, op)| {
                let at = cx.at + 1 + at;
                let names: Vec<Ident> = names_in(&op.sql).collect();
                at != filler
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
    filler: &Filler<'_>,
    dropped: &[(usize, Ident)],
) -> Result<Option<Down>, Refusal> {
    let statements = std::iter::once(cx.op.statement)
        .chain([cx.ops[filler.at].statement])
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
    added: &AddedColumn<'_>,
    sync: &Sync,
    drop_trigger: Vec<String>,
    dropped: &[(usize, Ident)],
) -> Result<(), Refusal> {
    let (table, column) = (&added.table, &added.def.name);
    let mut sql = Vec::new();
    if added.not_null {
        let name = pieces::not_null_name(cx, table, column);
        let proof = pieces::prove_not_null(draft, cx, table, column, &name, PhaseName::Migrate);
        sql.extend(proof.contract);
    }
    sql.extend(drop_trigger);
    if let Unfilled::Marker(marker) = &sync.unfilled {
        sql.push(format!("ALTER TABLE {table} DROP COLUMN {marker}"));
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
    let gone = dropped.first().map_or_else(
        || match &sync.unfilled {
            Unfilled::Marker(marker) => state::column_absent(table, marker),
            Unfilled::Null | Unfilled::NullBesideValue { .. } => {
                state::column_present(table, column)
            }
        },
        |(_, name)| state::column_absent(table, name),
    );
    draft.push(PhaseName::Contract, step.state(gone));
    draft.touches.push(Touch::write(
        Element::Column(table.clone(), column.clone()),
        PhaseName::Expand,
    ));
    Ok(())
}
