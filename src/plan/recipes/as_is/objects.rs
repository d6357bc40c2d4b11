//! Where a statement about other objects than tables goes: views, functions, types, grants.
//!
//! What is new is made in expand: nobody uses it yet. What replaces something is seen by both
//! applications from its step on, and the plan says so. What takes something away from the old
//! application — a name, a right, rows — waits for contract.

use super::Place;
use crate::{
    catalog::{Catalog, apply::names_in, types},
    effects::Effects,
    ident::ObjectName,
    parse::{
        PhaseName, StatementKind,
        statement::{DomainAction, TypeAction, Utility},
    },
    plan::{draft::Refusal, recipe::Context},
};

/// See the module.
pub(super) fn place(cx: &Context<'_>, keywords: &str, effects: &Effects) -> Result<Place, Refusal> {
    let expand = |reason| Place {
        phase: PhaseName::Expand,
        reason,
        breaks_old: false,
    };
    let contract = |reason| Place {
        phase: PhaseName::Contract,
        reason,
        breaks_old: true,
    };
    let additive = [
        "CREATE ",
        "COMMENT",
        "GRANT",
        "ALTER TYPE",
        "ALTER DEFAULT PRIVILEGES",
    ];
    if effects.unknown && cx.phase_directive().is_none() {
        if let Some(block) = super::block::refusal(cx) {
            return Err(block);
        }
        return Err(Refusal::new(
            "unknown-statement",
            format!("zdm does not know what `{keywords}` does to clients, and does not guess"),
            "say where it goes with `-- zdm: phase expand|migrate|contract`; it then runs as one \
             guarded step",
        ));
    }
    let words: Vec<String> = names_in(&cx.op.sql)
        .map(|name| name.as_str().to_owned())
        .collect();
    let has = |word: &str| words.iter().any(|known| known == word);
    let pair = |one: &str, next: &str| words.windows(2).any(|two| two[0] == one && two[1] == next);
    if keywords.starts_with("REVOKE") {
        return Ok(contract("the old application may need it"));
    }
    if keywords.starts_with("ALTER ") {
        let unnamed = ["ALTER TRIGGER", "ALTER POLICY", "ALTER RULE"];
        if has("rename") && !unnamed.iter().any(|start| keywords.starts_with(start)) {
            return Ok(contract(
                "the old application knows it by its old name, the new one by the new",
            ));
        }
        if pair("set", "schema") {
            return Ok(contract("the old application may look for it where it was"));
        }
        if keywords.starts_with("ALTER POLICY") && !has("rename") {
            return Ok(contract("it may hide rows from the old application"));
        }
        if let StatementKind::Opaque(opaque) = &cx.op.statement.kind
            && let Some(utility) = opaque.utility.as_deref()
            && let Some(place) = of_type(cx, utility)
        {
            return Ok(place);
        }
    }
    if keywords.starts_with("CREATE POLICY") && has("restrictive") {
        return Ok(contract("it hides rows from the old application"));
    }
    if ["ANALYZE", "REFRESH", "VACUUM"]
        .iter()
        .any(|start| keywords.starts_with(start))
    {
        return Ok(Place {
            phase: PhaseName::Migrate,
            reason: "long, under a lock that stops no client",
            breaks_old: false,
        });
    }
    if additive.iter().any(|start| keywords.starts_with(start)) {
        return Ok(expand("additive"));
    }
    Ok(expand("put here by its effects: it stops nobody"))
}

/// Where a change of a type or domain goes, but for its name.
fn of_type(cx: &Context<'_>, utility: &Utility) -> Option<Place> {
    let expand = |reason| Place {
        phase: PhaseName::Expand,
        reason,
        breaks_old: false,
    };
    let contract = |reason| Place {
        phase: PhaseName::Contract,
        reason,
        breaks_old: true,
    };
    let new = |name| {
        let name = types::user_type_name(name, cx.before);
        cx.before.types.contains_key(&name) && !cx.input.catalog.types.contains_key(&name)
    };
    match utility {
        Utility::AlterDomain(alter) if new(&alter.name) => {
            Some(expand("this file made it: nobody uses it"))
        }
        Utility::AlterType(alter) if new(&alter.name) => {
            Some(expand("this file made it: nobody uses it"))
        }
        Utility::AlterDomain(alter) => match &alter.action {
            DomainAction::AddConstraint(_)
            | DomainAction::SetNotNull
            | DomainAction::ValidateConstraint(_) => {
                Some(contract("the old application may write what it refuses"))
            }
            DomainAction::DropConstraint { .. } => {
                Some(contract("the old application may rely on it"))
            }
            DomainAction::SetDefault(_) | DomainAction::DropDefault | DomainAction::DropNotNull => {
                Some(expand("only values written from now on see it"))
            }
            DomainAction::RenameConstraint { .. }
            | DomainAction::OwnerTo(_)
            | DomainAction::RenameTo(_)
            | DomainAction::SetSchema(_) => None,
        },
        Utility::AlterType(alter) => {
            let drops = |action: &TypeAction| matches!(action, TypeAction::DropAttribute { .. });
            let mut actions = alter.actions.iter();
            actions
                .any(drops)
                .then(|| contract("the old application may still read it"))
        }
        _ => None,
    }
}

/// What both applications must bear from the step on, although only one of them asked for it.
pub(super) fn conditions(cx: &Context<'_>) -> Vec<String> {
    let mut conditions = Vec::new();
    for name in replaced(cx.before, cx.after) {
        conditions.push(format!(
            "both applications use the new definition of {} from here on; if the old one cannot, \
             say `-- zdm: phase contract`",
            name.short()
        ));
    }
    for (name, table) in &cx.after.tables {
        let Some(known) = cx.before.tables.get(name).filter(|_| !cx.is_fresh(name)) else {
            continue;
        };
        let trigger = table
            .triggers
            .iter()
            .find(|trigger| known.triggers.iter().all(|old| old.name != trigger.name));
        if let Some(trigger) = trigger.filter(|trigger| !trigger.cloned) {
            conditions.push(format!(
                "the trigger {} fires for writes of the old application too; if it must not, say \
                 `-- zdm: phase contract`",
                trigger.name
            ));
        }
        if let Some(rule) = table.rules.iter().find(|rule| !known.rules.contains(rule)) {
            conditions.push(format!(
                "the rule {rule} rewrites statements of the old application too; if it must not, \
                 say `-- zdm: phase contract`"
            ));
        }
    }
    conditions
}

/// Views and functions that are there before and after, with another definition.
fn replaced<'a>(before: &'a Catalog, after: &Catalog) -> Vec<&'a ObjectName> {
    let views = before.views.iter().filter(|(name, view)| {
        after
            .views
            .get(*name)
            .is_some_and(|new| new.definition != view.definition)
    });
    let functions = before.functions.iter().filter(|(name, old)| {
        after
            .functions
            .get(*name)
            .is_some_and(|new| new.len() == old.len() && new != *old)
    });
    let views = views.map(|(name, _)| name);
    views.chain(functions.map(|(name, _)| name)).collect()
}
