//! `refused-statement`: the server will not take it.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
    parse::{
        statement::{DropKind, Statement},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "refused-statement",
    include_str!("../../../lints/refused-statement.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(why) = &context.effects.fails else {
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
