//! Where a statement on rows goes that runs as it is.

use super::{Place, not_yet};
use crate::{
    ident::ObjectName,
    parse::{PhaseName, StatementKind, statement::DataKind},
    plan::{
        draft::{Draft, Refusal},
        recipe::Context,
        rows,
    },
};

/// Statements on rows of tables that this file creates, and those that have no recipe of their own.
pub(super) fn place(
    cx: &Context<'_>,
    kind: DataKind,
    target: &ObjectName,
) -> Result<Place, Refusal> {
    let migrate = |reason| Place {
        phase: PhaseName::Migrate,
        reason,
        breaks_old: false,
    };
    if cx.is_fresh(target) {
        return Ok(match live_source(cx) {
            Some(_) => migrate("fills a new table from one that is in use"),
            None => Place {
                phase: PhaseName::Expand,
                reason: "the table is new: nobody waits",
                breaks_old: false,
            },
        });
    }
    rows::one_target(cx)?;
    let large = merged(cx, target)
        .into_iter()
        .find(|table| !rows::is_small(cx, table));
    match kind {
        DataKind::Insert => Ok(migrate("new rows, in one transaction")),
        DataKind::Select => Ok(migrate("a query; what it calls may change something")),
        DataKind::Merge if large.is_none() || cx.phase_directive().is_some() => {
            Ok(migrate("small tables, in one transaction"))
        }
        DataKind::Merge => Err(rows::too_large(
            cx,
            large.as_ref().unwrap_or(target),
            "MERGE decides row by row what to do",
            format!(
                "write it as an UPDATE and an INSERT … ON CONFLICT DO NOTHING, which can be; or, {}",
                rows::small_after_all(PhaseName::Migrate)
            ),
        )),
        DataKind::Copy => Err(Refusal::new(
            "copy",
            "COPY reads from a file or a client, which a migration does not have",
            "write the rows as INSERT … VALUES, or load them outside the migration",
        )),
        DataKind::Update | DataKind::Delete | DataKind::Truncate => {
            Err(not_yet(cx, "this data statement"))
        }
    }
}

/// The tables that a MERGE changes and reads.
pub(super) fn merged(cx: &Context<'_>, target: &ObjectName) -> Vec<ObjectName> {
    let tables = rows::reads(cx)
        .into_iter()
        .filter(|name| cx.before.tables.contains_key(name) && name != target);
    std::iter::once(target.clone()).chain(tables).collect()
}

/// A table in use that the statement reads, when it is one on rows.
fn live_source(cx: &Context<'_>) -> Option<ObjectName> {
    rows::reads(cx).into_iter().find(|name| !cx.is_fresh(name))
}

/// A new table filled from one in use: the copy is as old as the statement.
pub(super) fn note_stale_copy(cx: &Context<'_>, draft: &mut Draft, target: &ObjectName) {
    if let Some(source) = live_source(cx) {
        draft.conditions.push((
            PhaseName::Migrate,
            format!(
                "{} holds what {} held when it was filled: what the old application writes to {} \
                 after that does not reach it; to keep both in step write to both from the \
                 application, or fill it in a later migration, when the old application has ended",
                target.short(),
                source.short(),
                source.short()
            ),
        ));
    }
}

/// The table whose rows a statement changes.
pub(super) fn on_rows(cx: &Context<'_>) -> Option<ObjectName> {
    match &cx.op.statement.kind {
        StatementKind::Update(update) => Some(cx.resolve(&update.table)),
        StatementKind::Data(data) => data.targets.first().map(|name| cx.resolve(name)),
        _ => None,
    }
}
