//! What needs no taking apart: additive statements as they are, the rest as one guarded step in
//! its phase. A statement that would scan or rewrite a table under a lock that stops clients, or
//! that zdm does not know, is refused with the reason.

mod alter;
mod block;
mod data;
mod drops;
mod objects;
mod refused;

use std::collections::BTreeSet;

use crate::{
    catalog::{TableKind, UserTypeKind, types},
    effects::{Effects, effects},
    ident::{Ident, ObjectName, QualifiedName},
    parse::{
        PhaseName, StatementKind,
        statement::{
            AlterActionKind, ColumnAction, DataKind, Persistence, RelationKind, Transaction,
        },
    },
    plan::{
        StepKind, build,
        draft::{Draft, Refusal, step},
        recipe::{Context, Recipe},
        rows, state, touches, undo,
        views::{self, Recreate},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "as-is",
    draft: |cx| Some(draft(cx)),
};

/// Where a statement goes, and why.
struct Place {
    phase: PhaseName,
    reason: &'static str,
    breaks_old: bool,
}

fn draft(cx: &Context<'_>) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    match &cx.op.statement.kind {
        StatementKind::Transaction(kind) => {
            if matches!(kind, Transaction::Rollback | Transaction::RollbackTo) {
                return Err(Refusal::new(
                    "rollback",
                    "the migration rolls itself back",
                    "remove the ROLLBACK: zdm decides what is one transaction",
                ));
            }
            draft.notes.push(
                "BEGIN and COMMIT are left out: each step is a transaction of its own".to_owned(),
            );
            return Ok(draft);
        }
        StatementKind::Set(set) => {
            if set.name != "search_path" {
                draft.notes.push(format!(
                    "SET {} is left out: zdm sets its own timeouts and modes for each step",
                    set.name
                ));
            }
            return Ok(draft);
        }
        StatementKind::Opaque(opaque) if opaque.keywords.starts_with("LOCK") => {
            draft.notes.push(
                "LOCK TABLE is left out: each step takes the locks it needs, in a transaction of \
                 its own"
                    .to_owned(),
            );
            return Ok(draft);
        }
        StatementKind::Opaque(_) if adds_nothing_to_enum(cx) => {
            // A rollback leaves it, because the server cannot take it back.
            draft
                .notes
                .push("the value is in the type already: nothing to do".to_owned());
            return Ok(draft);
        }
        _ => {}
    }
    if let Some(block) = block::draft(cx) {
        return block;
    }
    if let Some(note) = drops::nothing_to_drop(cx) {
        draft.notes.push(note);
        return Ok(draft);
    }
    if let Some(note) = alter::default_given_later(cx) {
        draft.notes.push(note);
        return Ok(draft);
    }
    let restricted = drops::without_cascade(cx)?;
    let way = match retyped(cx) {
        Some((table, column)) => views::in_the_way(cx, &table, column)?,
        None => Recreate::default(),
    };
    let effects = if way.is_empty() {
        effects(restricted.as_ref().unwrap_or(&cx.op.alone), cx.before)
    } else {
        // They are gone when the statement runs.
        let mut before = cx.before.clone();
        before.views.retain(|name, _| !way.names.contains(name));
        let without = effects(&cx.op.alone, &before);
        if refuse_blocking(cx, &without).is_err() {
            // Only a free change is made around its views; of another the server says that they
            // are in the way.
            refuse_blocking(cx, &effects(&cx.op.alone, cx.before))?;
        }
        without
    };
    if let Some(refusal) = refused::by_name(cx, &effects) {
        return Err(refusal);
    }
    let place = place(cx, &effects)?;
    let mut phase = cx.phase_directive().unwrap_or(place.phase);
    if !way.keeps_columns && cx.phase_directive().is_none() {
        phase = PhaseName::Contract;
    }
    if let Some((table, column)) = touches::altered_column(cx)
        && cx.synced.contains(&(table.clone(), column.clone()))
    {
        // Between expand and contract the column belongs to its sync trigger: a default would be
        // taken for a value that the new application gave.
        refuse_type_change(cx, &table, &column)?;
        phase = PhaseName::Contract;
    }
    if !build::target(cx).is_some_and(|table| cx.is_fresh(&table)) {
        refuse_blocking(cx, &effects)?;
    }
    let fills_new = data::on_rows(cx).filter(|target| cx.is_fresh(target));
    if let Some(target) = &fills_new {
        data::note_stale_copy(cx, &mut draft, target);
    }
    let kind = if effects.outside_transaction {
        StepKind::Bare
    } else if fills_new.is_some() {
        // However long it takes, nobody waits for it.
        StepKind::LongDdl
    } else {
        StepKind::Ddl
    };
    let mut sql = cx.op.sql.clone();
    if restricted.is_some() {
        sql = drops::cut_cascade(&sql);
        draft.notes.push(format!(
            "`{}`: without CASCADE, because nothing is known to depend on it; if something does \
             by then, the server refuses and nothing is dropped",
            title(&sql)
        ));
    }
    let title_text = title(&sql);
    let mut statements = vec![sql];
    if matches!(kind, StepKind::Ddl) {
        // Under the lock, in the same transaction: what was empty may have been filled since.
        statements.splice(
            0..0,
            only_when_empty(cx, &effects).iter().map(state::refuse_rows),
        );
    }
    let mut step = step(kind, title_text, place.reason).sql(statements);
    for held in &effects.locks {
        step = step.lock(&held.relation, held.mode);
    }
    step.scans.clone_from(&effects.scans);
    step = undo::with_state(cx, step);
    step = undo::with_undo(cx, step);
    if phase == PhaseName::Contract {
        step = step.irreversible();
    }
    if let Some(look) = way.look() {
        draft.push(PhaseName::Expand, look);
    }
    step = way.around(step, phase, &mut draft);
    if phase != PhaseName::Contract && matches!(cx.op.statement.kind, StatementKind::Opaque(_)) {
        let conditions = objects::conditions(cx);
        draft
            .conditions
            .extend(conditions.into_iter().map(|text| (phase, text)));
    }
    if let Some((table, column)) = retyped(cx)
        && !cx.is_fresh(&table)
    {
        draft.conditions.push((
            phase,
            format!(
                "a statement that returns {}.{column} and was prepared before fails (cached plan \
                 must not change result type) until it is prepared again",
                table.short()
            ),
        ));
    }
    if phase == PhaseName::Contract && gives_another_name(cx) {
        draft.conditions.push((
            PhaseName::Migrate,
            format!(
                "what `{}` names has its old name until contract: the new application must find it \
                 under either",
                title(&cx.op.sql)
            ),
        ));
    }
    draft.breaks_old = place.breaks_old;
    let drafted = draft.push(phase, step);
    drafted.new_needs_it = new_needs(cx);
    if let Some(tables) = small_merge(cx) {
        drafted.when_small = rows::still_small(cx, &tables, false);
    }
    draft.touches.extend(touches::touches(cx, phase, &effects));
    Ok(draft)
}

/// The tables of a MERGE that is one statement because they are small.
fn small_merge(cx: &Context<'_>) -> Option<Vec<ObjectName>> {
    let StatementKind::Data(data) = &cx.op.statement.kind else {
        return None;
    };
    let target = cx.resolve(data.targets.first()?);
    let told = cx.phase_directive().is_some() || cx.is_fresh(&target);
    (data.kind == DataKind::Merge && !told).then(|| data::merged(cx, &target))
}

/// The column whose type the operation changes.
fn retyped<'a>(cx: &Context<'a>) -> Option<(ObjectName, &'a Ident)> {
    match cx.alter()? {
        (
            table,
            AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::Type { .. },
            },
        ) => Some((table, name)),
        _ => None,
    }
}

/// `ALTER TYPE … ADD VALUE` of a value that is there.
fn adds_nothing_to_enum(cx: &Context<'_>) -> bool {
    let words: Vec<String> = cx
        .op
        .sql
        .split_whitespace()
        .map(str::to_ascii_uppercase)
        .collect();
    let StatementKind::Opaque(opaque) = &cx.op.statement.kind else {
        return false;
    };
    let known = opaque.names.first().is_some_and(|name| {
        matches!(
            cx.before
                .types
                .get(&types::user_type_name(name, cx.before))
                .map(|ty| &ty.kind),
            Some(UserTypeKind::Enum { .. })
        )
    });
    opaque.keywords.starts_with("ALTER TYPE")
        && words
            .windows(2)
            .any(|pair| pair[0] == "ADD" && pair[1] == "VALUE")
        && known
        && cx.before.types == cx.after.types
}

/// Whether the new application may look for the object under a name that it has only afterwards.
fn gives_another_name(cx: &Context<'_>) -> bool {
    match &cx.op.statement.kind {
        StatementKind::AlterRelation(alter) if alter.kind != RelationKind::Index => matches!(
            cx.op.action.map(|action| &action.kind),
            Some(
                AlterActionKind::RenameTo(_)
                    | AlterActionKind::RenameColumn { .. }
                    | AlterActionKind::SetSchema(_)
            )
        ),
        StatementKind::Opaque(opaque) => {
            let words: Vec<String> = crate::catalog::apply::names_in(&cx.op.sql)
                .map(|name| name.as_str().to_owned())
                .collect();
            opaque.keywords.starts_with("ALTER ")
                && (words.iter().any(|word| word == "rename")
                    || words
                        .windows(2)
                        .any(|two| two[0] == "set" && two[1] == "schema"))
        }
        _ => false,
    }
}

/// Whether the new application cannot do without it.
fn new_needs(cx: &Context<'_>) -> bool {
    match &cx.op.statement.kind {
        StatementKind::CreateTable(_) => true,
        StatementKind::Opaque(opaque) => {
            opaque.keywords.starts_with("CREATE") || opaque.keywords.starts_with("GRANT")
        }
        StatementKind::AlterRelation(_) => matches!(
            cx.op.action.map(|action| &action.kind),
            Some(AlterActionKind::AlterColumn {
                action: ColumnAction::DropNotNull,
                ..
            })
        ),
        StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => false,
    }
}

fn refuse_type_change(cx: &Context<'_>, table: &ObjectName, column: &Ident) -> Result<(), Refusal> {
    match cx.op.action.map(|action| &action.kind) {
        Some(AlterActionKind::AlterColumn {
            action: ColumnAction::Type { .. },
            ..
        }) => Err(Refusal::new(
            "chained-change",
            format!(
                "{}.{column} is kept in step with another column by this file; its type cannot \
                 change meanwhile",
                table.short()
            ),
            "change the type in the next migration",
        )),
        _ => Ok(()),
    }
}

/// Decides the phase, or refuses what is not one statement's work.
fn place(cx: &Context<'_>, effects: &Effects) -> Result<Place, Refusal> {
    let expand = |reason| Place {
        phase: PhaseName::Expand,
        reason,
        breaks_old: false,
    };
    let fresh = build::target(cx).is_some_and(|table| cx.is_fresh(&table))
        || effects.locks.iter().all(|lock| cx.is_fresh(&lock.relation));
    match &cx.op.statement.kind {
        StatementKind::CreateTable(create) => {
            if create.persistence == Persistence::Temporary {
                return Err(Refusal::new(
                    "temporary-table",
                    "a temporary table would be gone before the next step",
                    "use an ordinary table, or a WITH query",
                ));
            }
            Ok(expand("additive: nobody uses it yet"))
        }
        StatementKind::CreateIndex(_) => Ok(expand("the table is new: nobody waits")),
        StatementKind::AlterRelation(_) if fresh && !effects.locks.is_empty() => {
            Ok(expand("the table is new: nobody waits"))
        }
        StatementKind::AlterRelation(_) => match cx.op.action.map(|action| &action.kind) {
            Some(action) => alter::place(cx, action),
            None => Err(not_yet(cx, "this ALTER")),
        },
        StatementKind::Drop(drop) => Ok(drops::place(cx, drop)),
        StatementKind::Update(update) => {
            data::place(cx, DataKind::Update, &cx.resolve(&update.table))
        }
        StatementKind::Data(data)
            if data.kind == DataKind::Truncate && !data.targets.is_empty() && !fresh =>
        {
            truncate(cx, &data.targets, effects)
        }
        StatementKind::Data(data) => match data.targets.first() {
            Some(target) => data::place(cx, data.kind, &cx.resolve(target)),
            None if data.kind == DataKind::Select => {
                Ok(expand("a query; what it calls may change something"))
            }
            None => Err(not_yet(cx, "this data statement")),
        },
        StatementKind::Opaque(opaque) => objects::place(cx, &opaque.keywords, effects),
        StatementKind::Transaction(_) | StatementKind::Set(_) => Ok(expand("nothing is sent")),
    }
}

/// TRUNCATE: in contract, and only of the tables that it names.
fn truncate(
    cx: &Context<'_>,
    targets: &[QualifiedName],
    effects: &Effects,
) -> Result<Place, Refusal> {
    let named: Vec<ObjectName> = targets.iter().map(|name| cx.resolve(name)).collect();
    let partition = |name: &ObjectName| {
        named.iter().any(|known| {
            cx.before
                .family(known)
                .iter()
                .any(|table| table.name == *name)
        })
    };
    let further: Vec<&ObjectName> = effects
        .rewrites
        .iter()
        .filter(|relation| cx.before.tables.contains_key(*relation) && !partition(relation))
        .collect();
    if !further.is_empty() {
        let list = |name: fn(&ObjectName) -> String| {
            let names: Vec<String> = further.iter().map(|relation| name(relation)).collect();
            names.join(", ")
        };
        return Err(Refusal::new(
            "cascade",
            format!(
                "TRUNCATE … CASCADE would empty {} too, which the migration does not name",
                list(ObjectName::short)
            ),
            format!(
                "if their rows are to go, name them: TRUNCATE …, {}",
                list(ToString::to_string)
            ),
        ));
    }
    Ok(Place {
        phase: PhaseName::Contract,
        reason: "every row goes; the old application may still read them",
        breaks_old: true,
    })
}

fn not_yet(cx: &Context<'_>, what: &str) -> Refusal {
    let first: String = cx
        .op
        .sql
        .split_whitespace()
        .take(8)
        .collect::<Vec<_>>()
        .join(" ");
    Refusal::new(
        "not-yet",
        format!("zdm cannot run {what} without blocking or breaking clients yet: `{first} …`"),
        "put it in a migration of its own, to be run in a maintenance window, or say where it \
         goes with `-- zdm: phase expand|migrate|contract`",
    )
}

/// Whether what is done to all rows of a table is the work of a moment: nobody uses it, or there
/// are none.
fn is_harmless(cx: &Context<'_>, relation: &ObjectName) -> bool {
    cx.is_fresh(relation)
        || cx.before.live
            && cx
                .before
                .tables
                .get(relation)
                // What a query will put into a materialized view does not depend on what it
                // holds now.
                .filter(|table| table.kind != TableKind::MaterializedView)
                .and_then(|table| table.size)
                .is_some_and(|size| size.empty)
}

/// Refuses what would scan or rewrite a table while clients wait. An empty table is not large,
/// and a table of this file has no clients.
fn refuse_blocking(cx: &Context<'_>, effects: &Effects) -> Result<(), Refusal> {
    let harmless = |relation: &ObjectName| is_harmless(cx, relation);
    if let Some(reason) = &effects.fails {
        return Err(Refusal::new(
            "fails",
            format!("the server refuses this statement: {reason}"),
            "correct it: plain execution would fail too",
        ));
    }
    let empties = matches!(
        &cx.op.statement.kind,
        StatementKind::Data(data) if data.kind == DataKind::Truncate
    );
    if empties {
        // New files without rows: the work of a moment.
        return Ok(());
    }
    let rewritten = effects
        .rewrites
        .iter()
        .find(|relation| cx.before.tables.contains_key(*relation) && !harmless(relation));
    if let Some(relation) = rewritten {
        return Err(Refusal::new(
            "rewrite",
            format!(
                "it would write all of {} anew while every client waits",
                relation.short()
            ),
            if cx.before.tables.get(relation).map(|table| table.kind)
                == Some(TableKind::MaterializedView)
            {
                "REFRESH MATERIALIZED VIEW CONCURRENTLY, with a unique index over columns of the \
                 materialized view"
            } else {
                "add a new column or table beside it, fill it, and switch over"
            },
        ));
    }
    let scanned = effects.scans.iter().find(|scan| {
        // Nobody but a refresh writes a materialized view.
        let kind = cx.before.tables.get(&scan.relation).map(|table| table.kind);
        let stops_clients = if kind == Some(TableKind::MaterializedView) {
            scan.under.blocks_reads()
        } else {
            scan.under.blocks_writes()
        };
        stops_clients && !harmless(&scan.relation)
    });
    if let Some(scan) = scanned {
        return Err(Refusal::new(
            "blocking-scan",
            format!(
                "it would read all of {} under {}, which {}",
                scan.relation.short(),
                scan.under,
                scan.under.in_words()
            ),
            "add the constraint NOT VALID, or build the index first, in statements of their own",
        ));
    }
    Ok(())
}

/// The tables of which the statement would write or read every row while clients wait, and that
/// it may touch so only because they are empty.
fn only_when_empty(cx: &Context<'_>, effects: &Effects) -> Vec<ObjectName> {
    let empties = matches!(
        &cx.op.statement.kind,
        StatementKind::Data(data) if data.kind == DataKind::Truncate
    );
    if empties || build::target(cx).is_some_and(|table| cx.is_fresh(&table)) {
        return Vec::new();
    }
    let scanned = effects
        .scans
        .iter()
        .filter(|scan| scan.under.blocks_writes())
        .map(|scan| &scan.relation);
    let used = |relation: &&ObjectName| {
        let known = cx.before.tables.get(*relation);
        known.is_some_and(|table| table.kind != TableKind::MaterializedView)
            && !cx.is_fresh(relation)
    };
    let relations: BTreeSet<&ObjectName> = effects
        .rewrites
        .iter()
        .chain(scanned)
        .filter(used)
        .collect();
    relations.into_iter().cloned().collect()
}

fn allowed_or(cx: &Context<'_>, allowed: bool, what: &str) -> Result<Place, Refusal> {
    if allowed {
        return Ok(Place {
            phase: PhaseName::Contract,
            reason: "put here by a directive",
            breaks_old: true,
        });
    }
    Err(not_yet(cx, what))
}

fn title(sql: &str) -> String {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= 70 {
        text
    } else {
        text.chars().take(67).collect::<String>() + "..."
    }
}
