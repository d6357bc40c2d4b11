//! CREATE TABLE … PARTITION OF beside a default partition, which the server would read while clients
//! wait unless a valid CHECK shows that none of its rows belongs to the new one (pitfall 72).

use crate::{
    effects::effects,
    ident::ObjectName,
    parse::{
        PhaseName, StatementKind,
        statement::{CreateTable, PartitionOf},
    },
    plan::{
        StepKind,
        draft::{Draft, Refusal, step},
        partition_bound::{NewPartition, condition, default_of, is_default, shut_default},
        recipe::{Context, Recipe},
        state, touches, undo,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "create-partition",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::CreateTable(create) = &cx.op.statement.kind else {
        return None;
    };
    let of = create.partition_of.as_ref()?;
    let parent = cx.resolve(&of.parent);
    if cx.is_fresh(&parent) || cx.phase_directive().is_some() {
        return None;
    }
    // Without a default partition it is one short step.
    let default = default_of(cx, cx.before.tables.get(&parent)?)?;
    let name = undo::created_name(cx, &create.name);
    if is_default(cx.input.script.source.slice(of.bound.span)) {
        return Some(Err(Refusal::new(
            "fails",
            format!("{} has a default partition already", parent.short()),
            "drop or detach that one first",
        )));
    }
    let skipped = create.if_not_exists && cx.before.has_relation(&name);
    if skipped || default.size.is_some_and(|size| size.empty) || cx.is_fresh(&default.name) {
        return None;
    }
    Some(draft_for(cx, &parent, create, of, &name))
}

fn draft_for(
    cx: &Context<'_>,
    parent: &ObjectName,
    create: &CreateTable,
    of: &PartitionOf,
    name: &ObjectName,
) -> Result<Draft, Refusal> {
    let whole = cx.known_table(parent)?;
    let bound = cx.input.script.source.slice(of.bound.span);
    let effects = effects(&cx.op.alone, cx.before);
    if let Some(reason) = &effects.fails {
        return Err(Refusal::new(
            "fails",
            format!("the server refuses this statement: {reason}"),
            "correct it: plain execution would fail too",
        ));
    }
    let mut draft = Draft::default();
    let phase = PhaseName::Migrate;
    let (Some(default), Some(condition)) = (default_of(cx, whole), condition(whole, bound)) else {
        return Err(Refusal::new(
            "not-yet",
            format!(
                "the server would read the default partition of {} while clients wait: {bound} has \
                 no CHECK that shows it which rows there are",
                parent.short()
            ),
            "give bounds as plain constants",
        ));
    };
    let new = NewPartition {
        parent,
        part: name,
        default,
        condition: &condition,
    };
    let drop = shut_default(cx, &mut draft, &new, phase);
    let mut step = step(
        StepKind::Ddl,
        format!("make {} a partition of {}", name.short(), parent.short()),
        "the CHECK shows that the default partition has none of its rows, so nothing is read",
    )
    .sql([cx.op.sql.clone(), drop]);
    for held in &effects.locks {
        step = step.lock(&held.relation, held.mode);
    }
    if !create.if_not_exists {
        step = step.state(state::relation_present(name));
    }
    let step = undo::with_undo(cx, step);
    draft.push(phase, step).new_needs_it = true;
    draft.touches.extend(touches::touches(cx, phase, &effects));
    Ok(draft)
}
