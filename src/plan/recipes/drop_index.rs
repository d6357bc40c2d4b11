//! DROP INDEX: CONCURRENTLY, in contract, when the old application no longer needs it.

use crate::{
    catalog::{Table, TableKind},
    effects::{LockMode, RelationLock, effects},
    ident::{ObjectName, QualifiedName},
    parse::{
        PhaseName, StatementKind,
        statement::{Drop, DropBehavior, DropKind},
    },
    plan::{
        Step, StepKind,
        draft::{Draft, Element, Refusal, Touch, step},
        recipe::{Context, Recipe},
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "drop-index",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    match &cx.op.statement.kind {
        StatementKind::Drop(drop) if drop.kind == DropKind::Index => Some(draft_for(cx, drop)),
        _ => None,
    }
}

fn draft_for(cx: &Context<'_>, drop: &Drop) -> Result<Draft, Refusal> {
    if drop.behavior == DropBehavior::Cascade {
        return Err(Refusal::new(
            "cascade",
            "DROP INDEX … CASCADE would drop what depends on the index, and cannot be concurrent",
            "name each object to drop in a statement of its own",
        ));
    }
    let mut draft = Draft::default();
    for written in &drop.names {
        let name = cx.resolve(written);
        let Some((table, index)) = cx.before.index(&name) else {
            if drop.if_exists && cx.before.complete {
                draft
                    .notes
                    .push(format!("{} does not exist: nothing to drop", name.short()));
                continue;
            }
            return Err(Refusal::new(
                "no-such-index",
                format!("nothing is known of the index {}", name.short()),
                "check its name and schema, or plan against a database (--database-url)",
            ));
        };
        if let Some(constraint) = &index.constraint {
            return Err(Refusal::new(
                "index-of-constraint",
                format!(
                    "{} stands behind the constraint {constraint} of {}: the server refuses to \
                     drop it",
                    name.short(),
                    table.name.short()
                ),
                format!("ALTER TABLE {} DROP CONSTRAINT {constraint}", table.name),
            ));
        }
        if let Some(parent) = &index.parent {
            return Err(Refusal::new(
                "fails",
                format!(
                    "{} is a part of {} and goes with it only: the server refuses to drop it",
                    name.short(),
                    parent.short()
                ),
                format!("DROP INDEX {parent}"),
            ));
        }
        draft.touches.push(Touch::write(
            Element::Name(name.clone()),
            PhaseName::Contract,
        ));
        if table.kind == TableKind::Partitioned {
            draft.push(PhaseName::Contract, of_partitioned(cx, drop, table, &name)?);
            continue;
        }
        cx.leaf_table(&table.name)?;
        draft.push(
            PhaseName::Contract,
            step(
                StepKind::DropIndex {
                    index: name.clone(),
                    table: table.name.clone(),
                },
                format!(
                    "drop {} while {} is written to",
                    name.name,
                    table.name.short()
                ),
                "the old application may still need it until it is gone",
            )
            .sql([format!("DROP INDEX CONCURRENTLY {name}")])
            .lock(&table.name, LockMode::ShareUpdateExclusive)
            .state(state::index_absent(&name))
            .irreversible(),
        );
    }
    draft.breaks_old = true;
    Ok(draft)
}

/// An index of a partitioned table goes with all its parts in one short transaction: the server
/// refuses CONCURRENTLY (pitfall 72).
fn of_partitioned(
    cx: &Context<'_>,
    drop: &Drop,
    table: &Table,
    name: &ObjectName,
) -> Result<Step, Refusal> {
    let short = table.name.short();
    if drop.concurrently {
        return Err(Refusal::new(
            "fails",
            format!(
                "the server refuses CONCURRENTLY for {}, because {short} is partitioned",
                name.name
            ),
            "write it without CONCURRENTLY: zdm drops it in one short transaction",
        ));
    }
    let mut dropped = step(
        StepKind::Ddl,
        format!(
            "drop {} with its parts on every partition of {short}",
            name.name
        ),
        "only the catalog changes; the old application may still need it until it is gone",
    )
    .sql([format!("DROP INDEX {name}")])
    .state(state::index_absent(name))
    .irreversible();
    for held in drop_locks(cx, drop, name) {
        dropped = dropped.lock(&held.relation, held.mode);
    }
    Ok(dropped)
}

/// What dropping one of the indexes that a statement names locks.
fn drop_locks(cx: &Context<'_>, drop: &Drop, name: &ObjectName) -> Vec<RelationLock> {
    let mut alone = cx.op.alone.clone();
    alone.kind = StatementKind::Drop(Drop {
        names: vec![QualifiedName::new(name.schema.clone(), name.name.clone())],
        ..drop.clone()
    });
    effects(&alone, cx.before).locks
}
