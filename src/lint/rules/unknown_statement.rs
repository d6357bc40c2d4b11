//! `unknown-statement`: zdm does not know all that a statement does, and says so.

use crate::{
    diagnostic::Diagnostic,
    lint::{blocks, context::Context, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "unknown-statement",
    include_str!("../../../lints/unknown-statement.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if !context.effects.unknown {
        return Vec::new();
    }
    let block = blocks::block(context.statement);
    if block.is_some_and(|block| blocks::seen_through(block, context.before)) {
        return Vec::new();
    }
    let what = context.statement.opaque().map_or_else(
        || {
            let words = context.text().split_whitespace().take(2);
            words.collect::<Vec<_>>().join(" ")
        },
        |opaque| opaque.keywords.clone(),
    );
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "zdm does not know all that this {what} does: it may lock, read or rewrite tables \
                 that are not named here."
            ),
        )
        .with_help(
            "Look at it yourself, and accept it with `-- zdm: allow(unknown-statement) because …`.",
        ),
    ]
}
