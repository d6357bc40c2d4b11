//! INSERT … SELECT: one statement when what it reads is small. From a large table by ranges of its
//! key, each row exactly once: on its own where doing it twice would add nothing, else on demand
//! (`-- zdm: once using key`).

use crate::{
    catalog::Table,
    effects::Effects,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        rows::{RowsStatement, inserts_one_row, rows_statement},
        statement::{Data, DataKind},
    },
    plan::{
        Verb,
        draft::{Draft, Refusal},
        recipe::{Context, Recipe},
        recipes::update_rows::note_once,
        rows, touches,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "insert-select",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::Data(data) = &cx.op.statement.kind else {
        return None;
    };
    if data.kind != DataKind::Insert || rows::reads(cx).is_empty() {
        return None;
    }
    Some(draft_for(cx, data, &cx.resolve(data.targets.first()?)))
}

fn draft_for(cx: &Context<'_>, data: &Data, target: &ObjectName) -> Result<Draft, Refusal> {
    let effects = rows::checked_effects(cx)?;
    let phase = cx.phase_directive().unwrap_or(PhaseName::Migrate);
    rows::one_target(cx)?;
    let parts = rows_statement(&cx.op.sql).filter(|_| data.targets.len() == 1);
    let mut draft = Draft::default();
    let reads = rows::reads(cx);
    let large = reads.iter().find(|name| !rows::is_small(cx, name)).cloned();
    let mut when_small = Vec::new();
    let step = match (large, rows::once_key(cx)) {
        (None, None) => {
            let tables = reads
                .iter()
                .filter(|name| cx.before.tables.contains_key(*name));
            when_small = rows::still_small(cx, tables, false);
            rows::one_statement(
                cx,
                Verb::Insert,
                &effects,
                "new rows in one statement: what it reads is small",
            )
        }
        (Some(_), None) if inserts_one_row(&cx.op.sql) => rows::one_statement(
            cx,
            Verb::Insert,
            &effects,
            "one new row, made from all that it reads; nobody waits for it",
        ),
        (_, Some(key)) => {
            let (parts, source) = cut(cx, target, parts.as_ref()).map_err(|why| {
                Refusal::new(
                    "once-key",
                    format!("this INSERT cannot be cut into ranges of {key}: {why}"),
                    "write it as INSERT INTO t SELECT … FROM source WHERE …",
                )
            })?;
            by_key(cx, &mut draft, parts, source, key, &effects)?
        }
        (Some(large), None) => match itself(cx, target, parts.as_ref()) {
            Ok((parts, source, key)) => by_key(cx, &mut draft, parts, source, key, &effects)?,
            Err(_) if cx.phase_directive().is_some() => rows::one_statement(
                cx,
                Verb::Insert,
                &effects,
                "one statement, because a directive says where it goes",
            ),
            Err((why, help)) => {
                return Err(Refusal::new(
                    "large-change",
                    format!(
                        "one statement that reads all of {} into {} is one transaction as long as \
                         that takes ({}), and it cannot be run in batches: {why}",
                        large.short(),
                        target.short(),
                        rows::size_in_words(cx, &large)
                    ),
                    format!("{help}; or, {}", rows::small_after_all(phase)),
                ));
            }
        },
    };
    draft.push(phase, step).when_small = when_small;
    draft.touches = touches::touches(cx, phase, &effects);
    if let Some(table) = cx.before.tables.get(target) {
        rows::note_triggers(cx, &mut draft, table, Verb::Insert);
    }
    Ok(draft)
}

/// The statement taken apart, with the table whose rows are walked; or why it cannot be.
fn cut<'a>(
    cx: &Context<'a>,
    target: &ObjectName,
    parts: Option<&'a RowsStatement>,
) -> Result<(&'a RowsStatement, &'a Table), String> {
    let Some(parts) = parts else {
        return Err(
            "its query groups, orders, limits, joins outwards or is more than one, so that a part \
             of the rows does not give a part of the result"
                .to_owned(),
        );
    };
    let source = cx.resolve(&parts.relation);
    if source == *target || rows::reads_itself(cx, parts, &source) {
        return Err("it reads the table that it fills, or one table twice".to_owned());
    }
    match cx.before.tables.get(&source) {
        Some(table) => Ok((parts, table)),
        None => Err(format!("nothing is known of {}", source.short())),
    }
}

/// A statement that adds nothing when done twice, with the key of its source; or why not, and what
/// to write.
fn itself<'a>(
    cx: &Context<'a>,
    target: &ObjectName,
    parts: Option<&'a RowsStatement>,
) -> Result<(&'a RowsStatement, &'a Table, &'a Ident), (String, String)> {
    let (parts, source) = cut(cx, target, parts).map_err(|why| {
        (
            why,
            "copy the rows in batches from the application, or write it as INSERT INTO t SELECT … \
             FROM source WHERE … ON CONFLICT DO NOTHING"
                .to_owned(),
        )
    })?;
    let conflict = parts.after.to_ascii_lowercase();
    let does_nothing = conflict.split_whitespace().collect::<Vec<_>>().join(" ");
    if !does_nothing.ends_with("do nothing") {
        return Err((
            "done twice it adds its rows twice".to_owned(),
            format!(
                "end it with ON CONFLICT DO NOTHING, or {}",
                rows::once_help(Some(source))
            ),
        ));
    }
    match rows::single_key(source) {
        Some(key) => Ok((parts, source, key)),
        None => Err((
            format!("{} has no key of one column", source.name.short()),
            rows::once_help(Some(source)),
        )),
    }
}

fn by_key(
    cx: &Context<'_>,
    draft: &mut Draft,
    parts: &RowsStatement,
    source: &Table,
    key: &Ident,
    effects: &Effects,
) -> Result<crate::plan::Step, Refusal> {
    let batches = rows::by_key(cx, parts, source, key)?;
    note_once(draft, &source.name, key, "copied");
    Ok(rows::in_batches(
        cx,
        batches,
        effects,
        "by ranges of the key of what is read, each once and in a short transaction",
    ))
}
