//! UPDATE: one statement on a small table; on a large one batches, where they are proved to mean
//! the same or where a key gives each row exactly one turn; else refused with what to write.

use crate::{
    catalog::{Table, Volatility},
    effects::Effects,
    ident::{Ident, ObjectName},
    parse::{
        Expr, PhaseName, StatementKind,
        rows::{RowsStatement, rows_statement},
        statement::{DataKind, Update},
    },
    plan::{
        Verb,
        draft::{Draft, Element, Refusal, Touch},
        filled_by_query::{self, Filled},
        recipe::{Context, Recipe},
        rows::{self, limits},
        touches,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "update-rows",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (name, update) = match &cx.op.statement.kind {
        StatementKind::Update(update) => (&update.table, Some(update)),
        StatementKind::Data(data) if data.kind == DataKind::Update => (data.targets.first()?, None),
        _ => return None,
    };
    Some(draft_for(cx, &cx.resolve(name), update))
}

fn draft_for(
    cx: &Context<'_>,
    name: &ObjectName,
    update: Option<&Update>,
) -> Result<Draft, Refusal> {
    let effects = rows::checked_effects(cx)?;
    let phase = cx.phase_directive().unwrap_or(PhaseName::Migrate);
    let parts = rows_statement(&cx.op.sql);
    rows::one_target(cx)?;
    let mut draft = Draft::default();
    let mut when_small = Vec::new();
    if let Some(filled) = filled_by_query::filled(cx, cx.at, name)
        && let Some(parts) = &parts
    {
        fill_new(cx, &mut draft, name, parts, &filled, &effects)?;
        return Ok(draft);
    }
    let step = if let Some(key) = rows::once_key(cx) {
        let table = cx.known_table(name)?;
        by_key(cx, &mut draft, table, parts.as_ref(), key, &effects)?
    } else if rows::is_small_target(cx, name, parts.as_ref()) {
        let only = parts.as_ref().is_some_and(|parts| parts.only);
        when_small = rows::still_small(cx, [name], only);
        rows::one_statement(
            cx,
            Verb::Update,
            &effects,
            "a small table: one statement, and no row is locked for long",
        )
    } else {
        match left(cx, name, update, parts.as_ref()) {
            Ok((parts, table, condition)) => {
                again(cx, &mut draft, parts, table, condition.as_deref(), &effects)?
            }
            Err(_) if cx.phase_directive().is_some() => rows::one_statement(
                cx,
                Verb::Update,
                &effects,
                "one statement, because a directive says where it goes",
            ),
            Err(why) => {
                let help = format!(
                    "{}; or change the rows in batches from the application, or, {}",
                    rows::once_help(cx.before.tables.get(name)),
                    rows::small_after_all(PhaseName::Migrate)
                );
                return Err(rows::too_large(cx, name, &why, help));
            }
        }
    };
    draft.push(phase, step).when_small = when_small;
    let assigned = update.and_then(|update| update.assignments.as_deref());
    draft.touches = touches_of(cx, name, assigned, parts.as_ref(), phase, &effects);
    if let Some(table) = cx.before.tables.get(name) {
        rows::note_triggers(cx, &mut draft, table, Verb::Update);
    }
    Ok(draft)
}

/// A new column filled from other rows: in migrate, and in contract for what came meanwhile.
fn fill_new(
    cx: &Context<'_>,
    draft: &mut Draft,
    name: &ObjectName,
    parts: &RowsStatement,
    filled: &Filled,
    effects: &Effects,
) -> Result<(), Refusal> {
    let table = cx.known_table(name)?;
    let batches = rows::by_pages(cx, parts, table, Some(&filled.left))?;
    let mut fill = rows::in_batches(
        cx,
        batches.clone(),
        effects,
        "the column is new: a row that has its value is not empty any more, so batches end",
    );
    let mut again = rows::in_batches(
        cx,
        batches,
        effects,
        "the old application has ended: the rows that it wrote after the fill get their value too",
    );
    // With the column everything goes that it wrote.
    fill.reversible = true;
    again.title = format!("again, for rows written meanwhile: {}", again.title);
    draft.push(PhaseName::Migrate, fill);
    draft.push(PhaseName::Contract, again);
    // What it writes after that stays empty.
    draft.breaks_old = true;
    filled_by_query::say(draft, name, filled);
    let assigned = Some(filled.assignments.as_slice());
    draft.touches = touches_of(cx, name, assigned, Some(parts), PhaseName::Migrate, effects);
    rows::note_triggers(cx, draft, table, Verb::Update);
    Ok(())
}

/// The proof that it may be run again and again, with the rows that are left; or why not.
fn left<'a>(
    cx: &Context<'a>,
    name: &ObjectName,
    update: Option<&Update>,
    parts: Option<&'a RowsStatement>,
) -> Result<(&'a RowsStatement, &'a Table, Option<String>), String> {
    let (Some(update), Some(parts)) = (update, parts) else {
        return Err("it is not of the form UPDATE table SET … WHERE …".to_owned());
    };
    let Some(table) = cx.before.tables.get(name) else {
        return Err(format!("nothing is known of {}", name.short()));
    };
    let moves = cx.before.family(name).into_iter().any(|part| {
        let set = update.assignments.iter().flatten();
        set.clone()
            .any(|(column, _)| part.partition_columns.contains(column))
    });
    if moves {
        return Err("it sets a column of the partition key, so that rows change place".to_owned());
    }
    let row = parts.alias.as_ref().unwrap_or(&parts.relation.name);
    let condition = limits::rows_left(cx, update, table, row)?;
    Ok((parts, table, condition))
}

/// By pages, until no row is left.
fn again(
    cx: &Context<'_>,
    draft: &mut Draft,
    parts: &RowsStatement,
    table: &Table,
    condition: Option<&str>,
    effects: &Effects,
) -> Result<crate::plan::Step, Refusal> {
    let batches = rows::by_pages(cx, parts, table, condition)?;
    draft.notes.push(format!(
        "the UPDATE of {} is done in batches until a look at the whole table finds no row left: a \
         row that the application makes match again before that is changed again, and what a \
         batch has changed is not taken back by a rollback",
        table.name.short()
    ));
    Ok(rows::in_batches(
        cx,
        batches,
        effects,
        "a second turn changes nothing: in batches that yield to the application, until no row is \
         left",
    ))
}

/// By ranges of a key, each once.
fn by_key(
    cx: &Context<'_>,
    draft: &mut Draft,
    table: &Table,
    parts: Option<&RowsStatement>,
    key: &Ident,
    effects: &Effects,
) -> Result<crate::plan::Step, Refusal> {
    let name = table.name.short();
    let Some(parts) = parts else {
        return Err(Refusal::new(
            "once-key",
            format!("this UPDATE of {name} cannot be cut into ranges of {key}"),
            "write it as UPDATE table SET … [FROM …] WHERE …, without RETURNING",
        ));
    };
    let sets_key = parts.assignments().map_or_else(
        || limits::names(&parts.middle).contains(key),
        |set| set.iter().any(|(column, _)| column == key),
    );
    if sets_key {
        return Err(Refusal::new(
            "once-key",
            format!("the UPDATE sets {key}, the key that it is to be walked by"),
            "name another key, one that it leaves alone",
        ));
    }
    if rows::reads_itself(cx, parts, &table.name) {
        return Err(Refusal::new(
            "once-key",
            format!("the UPDATE reads {name}, which its own batches change meanwhile"),
            "put what it reads into a table or column of its own first",
        ));
    }
    let batches = rows::by_key(cx, parts, table, key)?;
    note_once(draft, &batches.table, key, "changed");
    Ok(rows::in_batches(
        cx,
        batches,
        effects,
        "each row exactly once: a range of the key and its place in the journal are one commit",
    ))
}

/// What `once using` means for rows that clients write meanwhile.
pub fn note_once(draft: &mut Draft, table: &ObjectName, key: &Ident, done: &str) {
    draft.notes.push(format!(
        "each row of {} is {done} exactly once, by ranges of {key} up to its largest value when \
         the step starts: rows inserted above it are left as they are, rows inserted below it get \
         their turn if their range has not been done; {key} of a row must not change meanwhile, \
         and what is done is not taken back by a rollback",
        table.short()
    ));
}

fn touches_of(
    cx: &Context<'_>,
    name: &ObjectName,
    assigned: Option<&[(Ident, Expr)]>,
    parts: Option<&RowsStatement>,
    phase: PhaseName,
    effects: &Effects,
) -> Vec<Touch> {
    let (Some(assigned), Some(table)) = (assigned, cx.before.tables.get(name)) else {
        return touches::touches(cx, phase, effects);
    };
    let mut found = rows::read_touches(cx, parts, table);
    found.push(Touch::read(Element::Rows(name.clone())));
    found.extend(
        assigned
            .iter()
            .map(|(column, _)| Touch::write(Element::Column(name.clone(), column.clone()), phase)),
    );
    found
}

/// Whether any function of the condition is volatile, for the other recipes.
pub fn volatile_condition(cx: &Context<'_>, parts: &RowsStatement) -> Option<String> {
    let predicate = parts.predicate.as_ref()?;
    limits::varying(cx, predicate, Volatility::Stable)
}
