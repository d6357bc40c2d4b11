//! DETACH PARTITION: CONCURRENTLY, which no client waits for; beside a default partition, where the
//! server refuses that (pitfall 72), as one short guarded step.
//!
//! CONCURRENTLY leaves a CHECK with the partition's bound behind, which a plain DETACH does not: it
//! is dropped, unless the migration itself says CONCURRENTLY.

use std::collections::BTreeSet;

use crate::{
    catalog::{Table, TableKind, apply::free_check_name},
    effects::{Effects, LockMode, RelationLock, effects},
    ident::{Ident, ObjectName, quote_literal},
    parse::{
        PhaseName, Statement, StatementKind,
        statement::{AlterActionKind, AlterRelation},
    },
    plan::{
        Guard, Step, StepKind,
        draft::{Draft, Refusal, step},
        partition_bound::default_of,
        recipe::{Context, Recipe},
        state,
        sync_trigger::dollar_quote,
        touches,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "detach-partition",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (
        parent,
        AlterActionKind::DetachPartition {
            name,
            concurrently,
            finalize: false,
        },
    ) = cx.alter()?
    else {
        return None;
    };
    if cx.phase_directive().is_some() {
        return None;
    }
    let part = cx.resolve(name);
    Some(draft_for(cx, &parent, &part, *concurrently))
}

fn draft_for(
    cx: &Context<'_>,
    parent: &ObjectName,
    part: &ObjectName,
    written_concurrently: bool,
) -> Result<Draft, Refusal> {
    let whole = cx.known_table(parent)?;
    let known = cx.known_table(part)?;
    let plain = effects(&detach(cx, false), cx.before);
    if let Some(reason) = plain.fails {
        return Err(Refusal::new(
            "fails",
            format!("the server refuses this statement: {reason}"),
            "correct it: plain execution would fail too",
        ));
    }
    let beside_default = default_of(cx, whole).is_some();
    if beside_default && written_concurrently {
        return Err(Refusal::new(
            "fails",
            format!(
                "the server refuses CONCURRENTLY, because {} has a default partition",
                parent.short()
            ),
            "write it without CONCURRENTLY: zdm detaches it in one short transaction",
        ));
    }
    let mut draft = Draft {
        breaks_old: true,
        ..Draft::default()
    };
    let phase = PhaseName::Contract;
    if beside_default {
        draft.push(phase, at_once(cx, parent, part, &plain.locks));
    } else {
        let concurrent = effects(&detach(cx, true), cx.before);
        draft.push(phase, first_half(parent, part, &concurrent));
        let mut drop = Vec::new();
        if !written_concurrently {
            let check = left_check(cx, whole, known);
            drop.push(format!(
                "ALTER TABLE {part} DROP CONSTRAINT IF EXISTS {check}"
            ));
        }
        draft.push(phase, second_half(parent, part, drop));
    }
    draft.touches.extend(touches::touches(cx, phase, &plain));
    Ok(draft)
}

/// The statement with or without CONCURRENTLY.
fn detach(cx: &Context<'_>, wanted: bool) -> Statement {
    let mut alone = cx.op.alone.clone();
    if let StatementKind::AlterRelation(AlterRelation { actions, .. }) = &mut alone.kind
        && let Some(AlterActionKind::DetachPartition { concurrently, .. }) =
            actions.first_mut().map(|action| &mut action.kind)
    {
        *concurrently = wanted;
    }
    alone
}

fn at_once(
    cx: &Context<'_>,
    parent: &ObjectName,
    part: &ObjectName,
    locks: &[RelationLock],
) -> Step {
    let mut step = step(
        StepKind::Ddl,
        format!("detach {} from {}", part.short(), parent.short()),
        "beside a default partition the server knows no other way; only the catalog changes, and \
         the old application may still look for the rows through the partitioned table",
    )
    .sql([format!("ALTER TABLE {parent} DETACH PARTITION {part}")])
    .state(state::partition_detached(part, parent))
    .irreversible();
    for held in locks {
        // Indexes of primary keys are not among the effects; the statement itself asks for them.
        if cx.before.has_relation(&held.relation) {
            step = step.lock(&held.relation, held.mode);
        }
    }
    step
}

/// Two transactions: the first takes the partition out of every new query, the second ends it when
/// all older ones are over.
fn first_half(parent: &ObjectName, part: &ObjectName, effects: &Effects) -> Step {
    let mut step = step(
        StepKind::Bare,
        format!(
            "detach {} from {} while both are written to",
            part.short(),
            parent.short()
        ),
        "it waits for transactions that use the partitioned table, holding up nobody; the old \
         application may still look for the rows through it",
    )
    .sql([format!(
        "ALTER TABLE {parent} DETACH PARTITION {part} CONCURRENTLY"
    )])
    .state(state::partition_detaching(part, parent))
    .irreversible();
    for held in &effects.locks {
        step = step.lock(&held.relation, held.mode);
    }
    // It is no transaction that could ask for its locks beforehand.
    step.guard = Guard::None;
    step
}

/// Ends what an interrupted first half left, and drops the CHECK.
fn second_half(parent: &ObjectName, part: &ObjectName, drop: Vec<String>) -> Step {
    let mut sql = vec![finalize(parent, part)];
    sql.extend(drop);
    step(
        StepKind::Ddl,
        format!("leave {} as a plain DETACH leaves it", part.short()),
        "an interrupted DETACH CONCURRENTLY is ended, and the CHECK that it leaves is dropped",
    )
    .sql(sql)
    .lock(part, LockMode::AccessExclusive)
    .lock(parent, LockMode::ShareUpdateExclusive)
    .irreversible()
}

/// DETACH … FINALIZE where it is needed: without a pending detach the server refuses it.
fn finalize(parent: &ObjectName, part: &ObjectName) -> String {
    let statement = format!("ALTER TABLE {parent} DETACH PARTITION {part} FINALIZE");
    let literal = |name: &ObjectName| quote_literal(&name.to_string());
    let body = format!(
        "BEGIN\n  \
         IF EXISTS (SELECT FROM pg_catalog.pg_inherits\n    \
         WHERE inhrelid = pg_catalog.to_regclass({})\n      \
         AND inhparent = pg_catalog.to_regclass({}) AND inhdetachpending) THEN\n    \
         {statement};\n  \
         END IF;\n\
         END\n",
        literal(part),
        literal(parent),
    );
    let quote = dollar_quote(&body);
    format!("DO {quote}\n{body}{quote}")
}

/// The name of the CHECK that DETACH CONCURRENTLY makes (`DetachAddConstraintIfNeeded` in
/// `src/backend/commands/tablecmds.c`): as for any CHECK without a name, with the column in it when
/// there is only one.
fn left_check(cx: &Context<'_>, parent: &Table, part: &Table) -> Ident {
    let mut columns: BTreeSet<&Ident> = BTreeSet::new();
    let mut above = Some(parent);
    while let Some(table) = above {
        columns.extend(&table.partition_columns);
        above = table
            .parents
            .first()
            .and_then(|name| cx.before.tables.get(name))
            .filter(|table| table.kind == TableKind::Partitioned);
    }
    let mut columns = columns.into_iter();
    let column = columns
        .next()
        .filter(|_| columns.next().is_none())
        .map(Ident::as_str);
    free_check_name(cx.before, &part.name, column)
}
