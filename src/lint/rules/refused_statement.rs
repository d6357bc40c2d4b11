//! `refused-statement`: the server will not take it.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
    parse::{
        statement::{DropKind, Statement, Utility},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "refused-statement",
    include_str!("../../../lints/refused-statement.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(why) = context.effects.fails.clone().or_else(|| other_view(context)) else {
        return Vec::new();
    };
    if has_a_rule(context.statement, context) {
        return Vec::new();
    }
    vec![
        RULE.finding(
            context.statement.span,
            format!("The server refuses this: {why}."),
        )
        .with_help("Change the statement, or what stands before it."),
    ]
}

/// `CREATE OR REPLACE VIEW` can add columns behind those that a view has, and nothing else.
fn other_view(context: &Context<'_>) -> Option<String> {
    let Some(Utility::CreateView(create)) = context.utility() else {
        return None;
    };
    if !create.or_replace || context.block.is_some() {
        return None;
    }
    let name = context.before.in_full(&create.name);
    let old = &context.before.views.get(&name)?.columns;
    let new = &context.after.views.get(&name)?.columns;
    if old.is_empty() || new.is_empty() {
        return None;
    }
    let left = old.iter().zip(new).find(|(old, new)| old.name != new.name);
    if let Some((old, new)) = left {
        return Some(format!(
            "column {} of view {} would be called {}, or have another place",
            old.name,
            name.short(),
            new.name
        ));
    }
    let gone = old.get(new.len())?;
    Some(format!(
        "view {} would lose its column {}",
        name.short(),
        gone.name
    ))
}

/// Whether a rule of its own says the same better.
fn has_a_rule(statement: &Statement, context: &Context<'_>) -> bool {
    statement.as_drop().is_some_and(|drop| {
        drop.kind == DropKind::Index
            && drop.names.iter().any(|name| {
                context
                    .before
                    .index(&context.before.resolve(name))
                    .is_some_and(|(_, index)| index.constraint.is_some())
            })
    })
}
