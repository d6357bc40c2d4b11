//! `bulk-write`: many rows are updated or deleted in one go.

use crate::{
    diagnostic::{Diagnostic, Level},
    lint::{context::Context, parts::WriteKind, rule::Rule, words},
};

pub(super) const RULE: Rule = Rule::statement(
    "bulk-write",
    include_str!("../../../lints/bulk-write.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(write) = context.bulk_write() else {
        return Vec::new();
    };
    // Under a lock of the same transaction it is worse, and that is said by another rule.
    if context.held.iter().any(|held| !context.is_new(&held.relation)) {
        return Vec::new();
    }
    let (does, help) = match write.kind {
        WriteKind::Update => (
            "updates",
            "Run it in batches, each in a transaction of its own: `zdm plan` does this, and waits \
             where the server or its replicas cannot follow.",
        ),
        WriteKind::Delete => (
            "deletes",
            "Run it in batches, each in a transaction of its own: `zdm plan` does this, and waits \
             where the server or its replicas cannot follow.",
        ),
        WriteKind::Merge => (
            "changes",
            "Split it by ranges of the key, each in a transaction of its own.",
        ),
        WriteKind::Insert => return Vec::new(),
    };
    let (rows, level) = if write.every_row {
        ("every row", RULE.level())
    } else {
        ("however many rows", Level::Warning)
    };
    let level = if context.is_small(&write.table) {
        Level::Info
    } else {
        level
    };
    let found = if write.every_row { "" } else { " it finds" };
    let lost = if write.kind == WriteKind::Delete && write.every_row {
        " The rows are lost."
    } else {
        ""
    };
    let table = write.table.short();
    let finding = RULE
        .finding_at(
            level,
            context.statement.span,
            format!(
                "This {does} {rows}{found} of {table}{} in one transaction: whoever writes one of \
                 them waits until the last is done, an interruption undoes all of it, and vacuum \
                 removes nothing meanwhile.{lost}",
                context.size_in_words(&write.table),
            ),
        )
        .with_help(help);
    vec![words::lasting(context, context.lasts(), finding)]
}
