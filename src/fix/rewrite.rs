//! The safe equivalent of a statement, when there is one.
//!
//! Judged by what the statement does and not by which rule found it, so that a new rule needs
//! nothing here. An equivalent leaves exactly the same behind; a test runs both.

use crate::{
    catalog::TableKind,
    effects::LockMode,
    fix::{Segment, alter, partitioned, words},
    lint::{Context, Finding},
    parse::{
        StatementKind,
        statement::{
            AlterActionKind, CreateIndex, DataKind, Drop, DropBehavior, DropKind, Opaque, Refresh,
            Reindex, ReindexKind, Utility,
        },
    },
};

/// What stands for the statement.
pub(super) fn segments(context: &Context<'_>) -> Option<Vec<Segment>> {
    if context.effects.outside_transaction && context.transaction.is_some() {
        return Some(vec![Segment::alone(context.text())]);
    }
    if let Some(segments) = apart(context) {
        return Some(segments);
    }
    match &context.statement.kind {
        StatementKind::AlterRelation(alter) => alter::segments(context, alter),
        StatementKind::CreateIndex(create) => create_index(context, create),
        StatementKind::Drop(drop) => drop_index(context, drop),
        StatementKind::Opaque(opaque) => utility(context, opaque),
        StatementKind::CreateTable(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => None,
    }
}

/// Long work under a weak lock, while earlier statements of its transaction hold strong ones: it
/// goes into a transaction of its own.
fn apart(context: &Context<'_>) -> Option<Vec<Segment>> {
    let long = match &context.statement.kind {
        StatementKind::Update(_) => true,
        StatementKind::Data(data) => match data.kind {
            DataKind::Insert => data.from_query,
            DataKind::Update | DataKind::Delete | DataKind::Merge => true,
            DataKind::Truncate | DataKind::Copy | DataKind::Select => false,
        },
        StatementKind::AlterRelation(alter) => matches!(
            alter.actions.as_slice(),
            [action] if matches!(action.kind, AlterActionKind::ValidateConstraint { .. })
        ),
        StatementKind::CreateTable(create) => create.as_query.is_some(),
        StatementKind::Opaque(opaque) => match opaque.utility.as_deref() {
            Some(Utility::SelectInto(_)) => true,
            Some(Utility::CreateView(view)) => view.materialized,
            Some(_) | None => false,
        },
        StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => false,
    };
    let held = context
        .held
        .iter()
        .any(|held| !context.is_new(&held.relation));
    (long && held && !context.effects.scans.is_empty())
        .then(|| vec![Segment::apart(context.text())])
}

/// The rule that finds long work while its transaction holds strong locks.
const UNDER_LOCK: &str = "work-under-lock";

/// Whatever else was found to do long work under the locks of earlier statements goes into a
/// transaction of its own, unless it holds up clients for as long by itself.
pub(super) fn apart_at_last(context: &Context<'_>, findings: &[Finding]) -> Option<Vec<Segment>> {
    let found = findings.iter().any(|finding| {
        finding.statement == Some(context.at) && finding.diagnostic.rule == UNDER_LOCK
    });
    (found && context.blocking_work(context.effects).is_empty())
        .then(|| vec![Segment::apart(context.text())])
}

fn create_index(context: &Context<'_>, create: &CreateIndex) -> Option<Vec<Segment>> {
    let table = context.before.table(&create.table)?;
    if create.concurrently || context.blocking_scan(context.effects).is_none() {
        return None;
    }
    match table.kind {
        TableKind::Table | TableKind::MaterializedView => {}
        TableKind::Partitioned => return partitioned::create_index(context, create, table),
        TableKind::Foreign => return None,
    }
    let sql = words::insert_after(context.text(), "INDEX", "CONCURRENTLY")?;
    Some(vec![Segment::alone(sql)])
}

fn drop_index(context: &Context<'_>, drop: &Drop) -> Option<Vec<Segment>> {
    let DropKind::Index = drop.kind else {
        return None;
    };
    if drop.concurrently || drop.behavior == DropBehavior::Cascade {
        return None;
    }
    for name in &drop.names {
        let (table, index) = context.before.index(&context.before.resolve(name))?;
        let possible = index.constraint.is_none()
            && index.parent.is_none()
            && table.kind != TableKind::Partitioned
            && !context.is_new(&table.name);
        if !possible {
            return None;
        }
    }
    if let [_] = drop.names.as_slice() {
        let sql = words::insert_after(context.text(), "INDEX", "CONCURRENTLY")?;
        return Some(vec![Segment::alone(sql)]);
    }
    let exists = if drop.if_exists { "IF EXISTS " } else { "" };
    Some(
        drop.names
            .iter()
            .map(|name| Segment::alone(format!("DROP INDEX CONCURRENTLY {exists}{name}")))
            .collect(),
    )
}

fn utility(context: &Context<'_>, opaque: &Opaque) -> Option<Vec<Segment>> {
    match opaque.utility.as_deref() {
        Some(Utility::Reindex(reindex)) => reindex_concurrently(context, reindex),
        Some(Utility::Refresh(refresh)) => refresh_concurrently(context, refresh),
        _ => None,
    }
}

fn reindex_concurrently(context: &Context<'_>, reindex: &Reindex) -> Option<Vec<Segment>> {
    let word = match reindex.kind {
        ReindexKind::Index => "INDEX",
        ReindexKind::Table => "TABLE",
        ReindexKind::Schema => "SCHEMA",
        ReindexKind::Database => "DATABASE",
        // Its indexes cannot be built concurrently.
        ReindexKind::System => return None,
    };
    let said = reindex
        .options
        .iter()
        .any(|option| option.name.as_str() == "concurrently");
    if reindex.concurrently || said {
        return None;
    }
    let sql = words::insert_after(context.text(), word, "CONCURRENTLY")?;
    Some(vec![Segment::alone(sql)])
}

fn refresh_concurrently(context: &Context<'_>, refresh: &Refresh) -> Option<Vec<Segment>> {
    let view = context.before.table(&refresh.name)?;
    // What CONCURRENTLY tells rows apart by (manual, REFRESH MATERIALIZED VIEW).
    let told_apart = view.indexes.iter().any(|index| {
        index.unique
            && index.valid
            && index.predicate.is_none()
            && index.keys.iter().all(|key| key.column.is_some())
    });
    let strong = context.effects.lock_on(&view.name) == Some(LockMode::AccessExclusive);
    if refresh.concurrently || !refresh.with_data || !told_apart || !strong {
        return None;
    }
    let sql = words::insert_after(context.text(), "VIEW", "CONCURRENTLY")?;
    Some(vec![Segment::shared(sql)])
}
