//! `column-type-rewrite`: the new type is stored differently, so every row is written anew.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::{Context, Work, WorkKind},
        rule::Rule,
        words,
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "column-type-rewrite",
    include_str!("../../../lints/column-type-rewrite.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let rewrites = |work: &Work<'_>| work.kind == WorkKind::Rewrite;
    context
        .type_changes()
        .filter(|change| change.work.iter().any(rewrites))
        .map(|change| {
            let table = context.alter().and_then(|alter| context.before.table(&alter.name));
            let from = table
                .and_then(|table| table.column(change.column))
                .map_or_else(String::new, |column| format!(" from {}", column.ty));
            let ty = change.ty;
            let message = format!(
                "Changing {}{from} to {ty} {}.",
                change.column,
                words::blocking(context, &change.work)
            );
            let help = format!(
                "Add a second column of type {ty}, keep both in step with a trigger, fill it in \
                 batches, and exchange the two. `zdm plan` does this."
            );
            RULE.finding(change.place, message).with_help(help)
        })
        .collect()
}
