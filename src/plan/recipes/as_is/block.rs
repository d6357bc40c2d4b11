//! DO blocks. One that only changes rows, by statements that stand in its text, is one statement on
//! the tables that it names; of any other nobody can tell what it locks.

use crate::{
    effects::LockMode,
    ident::ObjectName,
    parse::{
        PhaseName, StatementKind,
        statement::{DoBlock, Utility},
    },
    plan::{
        StepKind, Verb,
        draft::{Draft, Element, Refusal, Touch, step},
        recipe::Context,
        rows,
    },
};

use super::title;

/// A block that only changes rows, as one step: on small tables, or where a directive says so.
/// `None` for anything else.
pub(super) fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    block(cx)?;
    changes_rows_only(cx).then(|| draft_for(cx))
}

fn block<'a>(cx: &Context<'a>) -> Option<&'a DoBlock> {
    let StatementKind::Opaque(opaque) = &cx.op.statement.kind else {
        return None;
    };
    match opaque.utility.as_deref() {
        Some(Utility::Do(block)) => Some(block),
        _ => None,
    }
}

/// Replay loses sight of the schema after a block that may have changed it.
fn changes_rows_only(cx: &Context<'_>) -> bool {
    let mut alone = cx.before.clone();
    alone.complete = true;
    crate::catalog::apply::apply(&mut alone, &cx.op.alone, cx.input.script.source.text());
    alone.complete
}

/// The tables that it names anywhere.
fn tables(cx: &Context<'_>) -> Vec<ObjectName> {
    let StatementKind::Opaque(opaque) = &cx.op.statement.kind else {
        return Vec::new();
    };
    let mut names: Vec<ObjectName> = opaque
        .names
        .iter()
        .map(|name| cx.resolve(name))
        .filter(|name| cx.before.tables.contains_key(name))
        .collect();
    names.sort();
    names.dedup();
    names
}

fn draft_for(cx: &Context<'_>) -> Result<Draft, Refusal> {
    let tables = tables(cx);
    let large = tables.iter().find(|table| !rows::is_small(cx, table));
    if let Some(large) = large
        && cx.phase_directive().is_none()
    {
        return Err(rows::too_large(
            cx,
            large,
            "it stands in a DO block, which is one statement",
            format!(
                "write the statements of the block into the file itself, where each is planned on \
                 its own; or, {}",
                rows::small_after_all(PhaseName::Migrate)
            ),
        ));
    }
    let phase = cx.phase_directive().unwrap_or(PhaseName::Migrate);
    let mut step = step(
        StepKind::Rows { verb: Verb::Merge },
        title(&cx.op.sql),
        if large.is_some() {
            "one statement, because a directive says where it goes"
        } else {
            "changes rows of small tables, in one transaction"
        },
    )
    .sql([cx.op.sql.clone()])
    .irreversible();
    let mut draft = Draft::default();
    for table in &tables {
        step = step.lock(table, LockMode::RowExclusive);
        draft
            .touches
            .push(Touch::write(Element::Relation(table.clone()), phase));
    }
    if tables.is_empty() {
        draft.touches.push(Touch::write(Element::Anything, phase));
    }
    let when_small = match large {
        Some(_) => Vec::new(),
        None => rows::still_small(cx, &tables, false),
    };
    draft.push(phase, step).when_small = when_small;
    Ok(draft)
}

/// Why nobody can tell what a block does, and what to do; `None` when the statement is no block.
pub(super) fn refusal(cx: &Context<'_>) -> Option<Refusal> {
    let why = if block(cx)?.dynamic {
        "it makes its statements at run time (EXECUTE)"
    } else {
        "it may change the schema, or call what does"
    };
    Some(Refusal::new(
        "unknown-statement",
        format!("what this DO block locks, and for how long, cannot be told: {why}"),
        "write what it does as statements of the file, which are planned one by one; or say where \
         it goes with `-- zdm: phase expand|migrate|contract`: it then runs as one transaction, \
         with a limit on the time that it waits for locks",
    ))
}
