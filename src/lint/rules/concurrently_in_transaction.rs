//! `concurrently-in-transaction`: what says CONCURRENTLY commits on its way.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "concurrently-in-transaction",
    include_str!("../../../lints/concurrently-in-transaction.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(transaction) = context.transaction else {
        return Vec::new();
    };
    if !context.effects.outside_transaction || !context.effects.waits_for_snapshots {
        return Vec::new();
    }
    let words: Vec<&str> = context.text().split_whitespace().take(2).collect();
    let words = words.join(" ");
    let (whose, help) = match transaction.begin {
        _ if context.block.is_some() => (
            "a DO block, which is run in one transaction",
            "Take it out of the block, into a file of its own that is run without a transaction. \
             `zdm apply` runs it by itself there.",
        ),
        Some(_) => (
            "the transaction that BEGIN opened",
            "COMMIT before it, and BEGIN again behind it if need be. `zdm plan` runs it by itself.",
        ),
        None if context.in_string() => (
            "a string of several statements, which are one transaction",
            "Put it into a file of its own: a string of one statement is run without a \
             transaction. `zdm apply` runs it by itself.",
        ),
        None => (
            "the one transaction in which the file is run",
            "Put it into a file of its own that is run without a transaction, one statement at a \
             time. `zdm apply` runs it by itself.",
        ),
    };
    let message = format!(
        "This fails: {words} … CONCURRENTLY commits on its way, and it is in {whose}."
    );
    let found = RULE.finding(context.statement.span, message).with_help(help);
    vec![match transaction.begin.filter(|_| context.block.is_none()) {
        Some(begin) => found.with_label(begin, "the transaction begins here"),
        None => found,
    }]
}
