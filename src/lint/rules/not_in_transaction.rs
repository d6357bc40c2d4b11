//! `not-in-transaction`: a statement that must run by itself is in a transaction.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
};

pub(super) const RULE: Rule = Rule::statement(
    "not-in-transaction",
    include_str!("../../../lints/not-in-transaction.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(transaction) = context.transaction else {
        return Vec::new();
    };
    // What says CONCURRENTLY has a rule of its own.
    if !context.effects.outside_transaction || context.effects.waits_for_snapshots {
        return Vec::new();
    }
    let words: Vec<&str> = context.text().split_whitespace().take(2).collect();
    let what = words.join(" ").trim_end_matches(';').to_owned();
    let (whose, help) = match transaction.begin {
        _ if context.block.is_some() => (
            "a DO block is run in one",
            "Take it out of the block, into a file of its own that is run without a transaction, \
             or leave it to a job beside the migrations.",
        ),
        Some(_) => (
            "it is in the one that BEGIN opened",
            "COMMIT before it, and BEGIN again behind it if need be.",
        ),
        None if context.in_string() => (
            "a string of several statements is one",
            "Put it into a file of its own: a string of one statement is run without a \
             transaction.",
        ),
        None => (
            "the file is run in one",
            "Put it into a file of its own that is run without a transaction, or leave it to a job \
             beside the migrations.",
        ),
    };
    let found = RULE
        .finding(
            context.statement.span,
            format!("This fails: {what} cannot run inside a transaction block, and {whose}."),
        )
        .with_help(help);
    vec![match transaction.begin.filter(|_| context.block.is_none()) {
        Some(begin) => found.with_label(begin, "the transaction begins here"),
        None => found,
    }]
}
