//! DROP INDEX: CONCURRENTLY, in contract, when the old application no longer needs it.

use crate::{
    effects::LockMode,
    parse::{
        PhaseName, StatementKind,
        statement::{Drop, DropBehavior, DropKind},
    },
    plan::{
        StepKind,
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
        cx.plain_table(&table.name)?;
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
        draft
            .touches
            .push(Touch::write(Element::Name(name), PhaseName::Contract));
    }
    draft.breaks_old = true;
    Ok(draft)
}
