//! DROP of anything: in contract; without CASCADE where nothing is known that it would take along;
//! not at all where there is nothing to drop.

use super::Place;
use crate::{
    catalog::{Catalog, types},
    effects::effects,
    ident::QualifiedName,
    parse::{
        PhaseName, Statement, StatementKind,
        statement::{AlterActionKind, AlterRelation, Drop, DropBehavior, DropKind},
    },
    plan::{draft::Refusal, recipe::Context},
};

/// Where a DROP goes.
pub(super) fn place(cx: &Context<'_>, drop: &Drop) -> Place {
    let fresh = matches!(drop.kind, DropKind::Table)
        && !drop.names.is_empty()
        && drop.names.iter().all(|name| cx.is_fresh(&cx.resolve(name)));
    if fresh {
        return Place {
            phase: PhaseName::Expand,
            reason: "this file made it: nobody uses it",
            breaks_old: false,
        };
    }
    Place {
        phase: PhaseName::Contract,
        reason: "the old application may still use it",
        breaks_old: true,
    }
}

/// What to say of a DROP … IF EXISTS of what certainly is not there.
pub(super) fn nothing_to_drop(cx: &Context<'_>) -> Option<String> {
    let before = cx.before;
    if !before.complete {
        return None;
    }
    match &cx.op.statement.kind {
        StatementKind::Drop(drop) if drop.if_exists => {
            let there = drop.names.iter().any(|name| exists(before, drop, name));
            let names: Vec<String> = drop.names.iter().map(ToString::to_string).collect();
            (!there).then(|| format!("there is no {}: nothing to drop", names.join(", ")))
        }
        StatementKind::AlterRelation(_) => match cx.alter()? {
            (
                table,
                AlterActionKind::DropConstraint {
                    if_exists: true,
                    name,
                    ..
                },
            ) => {
                let known = before.tables.get(&table)?;
                let not_null = known.columns.iter().any(|column| {
                    column
                        .not_null_constraint
                        .as_ref()
                        .is_some_and(|(constraint, _)| constraint == name)
                });
                let there = known.constraint(name).is_some() || not_null;
                (!there).then(|| {
                    format!(
                        "{} has no constraint {name}: nothing to drop",
                        table.short()
                    )
                })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether it may be there; what the catalog does not model always may.
fn exists(catalog: &Catalog, drop: &Drop, name: &QualifiedName) -> bool {
    let full = catalog.resolve(name);
    let on = || {
        let on = drop.on.as_ref()?;
        catalog.tables.get(&catalog.resolve(on))
    };
    match &drop.kind {
        DropKind::Table
        | DropKind::Index
        | DropKind::View
        | DropKind::MaterializedView
        | DropKind::Sequence => catalog.has_relation(&full),
        DropKind::Type | DropKind::Domain => catalog
            .types
            .contains_key(&types::user_type_name(name, catalog)),
        DropKind::Trigger => on().is_none_or(|table| {
            table
                .triggers
                .iter()
                .any(|trigger| trigger.name == name.name)
        }),
        DropKind::Policy => {
            on().is_none_or(|table| table.policies.iter().any(|policy| policy.name == name.name))
        }
        DropKind::Function => catalog
            .functions
            .keys()
            .any(|known| known.name == name.name),
        DropKind::Schema => catalog.schemas.contains(&name.name),
        DropKind::Rule
        | DropKind::Extension
        | DropKind::Statistics
        | DropKind::Publication
        | DropKind::Other(_) => true,
    }
}

/// The statement without its CASCADE, when it has one and nothing is known that would go with it.
/// The server then refuses if there is something after all; nothing goes that was not named.
pub(super) fn without_cascade(cx: &Context<'_>) -> Result<Option<Statement>, Refusal> {
    let mut alone = cx.op.alone.clone();
    match &mut alone.kind {
        StatementKind::Drop(drop) if drop.behavior == DropBehavior::Cascade => {
            drop.behavior = DropBehavior::Restrict;
        }
        StatementKind::AlterRelation(AlterRelation { actions, .. }) => {
            match actions.first_mut().map(|action| &mut action.kind) {
                Some(AlterActionKind::DropConstraint { behavior, .. })
                    if *behavior == DropBehavior::Cascade =>
                {
                    *behavior = DropBehavior::Restrict;
                }
                _ => return Ok(None),
            }
        }
        _ => return Ok(None),
    }
    let refuse = |what: String| {
        Err(Refusal::new(
            "cascade",
            format!("CASCADE would drop objects that the migration does not name: {what}"),
            "drop each of them by name, in a statement of its own before this one",
        ))
    };
    let effects = effects(&alone, cx.before);
    if let Some(reason) = effects.fails {
        return refuse(reason);
    }
    if effects.unknown || !cx.before.complete {
        return refuse("what depends on it is not known".to_owned());
    }
    Ok(Some(alone))
}

/// The text of a statement without the CASCADE at its end.
pub(super) fn cut_cascade(sql: &str) -> String {
    let trimmed = sql.trim_end();
    match trimmed.len().checked_sub("cascade".len()) {
        Some(at)
            if trimmed.is_char_boundary(at) && trimmed[at..].eq_ignore_ascii_case("cascade") =>
        {
            trimmed[..at].trim_end().to_owned()
        }
        _ => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::cut_cascade;

    #[test]
    fn only_a_cascade_at_the_end_is_cut() {
        assert_eq!(cut_cascade("DROP TABLE t cascade "), "DROP TABLE t");
        assert_eq!(
            cut_cascade("DROP TABLE \"cascade\""),
            "DROP TABLE \"cascade\""
        );
        assert_eq!(cut_cascade("DROP é"), "DROP é");
    }
}
