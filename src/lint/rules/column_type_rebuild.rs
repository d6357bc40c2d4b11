//! `column-type-rebuild`: the rows stay as they are, but indexes, checks or foreign keys on the
//! column are made or checked again.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::{Context, Work, WorkKind, listed},
        rule::Rule,
        words,
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "column-type-rebuild",
    include_str!("../../../lints/column-type-rebuild.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    context
        .type_changes()
        .filter(|change| {
            let rewrites = |work: &Work<'_>| work.kind == WorkKind::Rewrite;
            !change.work.is_empty() && !change.work.iter().any(rewrites)
        })
        .map(|change| {
            let purposes = change.work.iter().map(|work| work.purpose.to_owned());
            let mut purposes: Vec<String> = purposes.collect();
            purposes.dedup();
            let message = format!(
                "Changing {} to {} leaves the rows as they are, but {} it {}.",
                change.column,
                change.ty,
                listed(&purposes),
                words::blocking(context, &change.work)
            );
            let help = "Before it, drop the indexes concurrently and the constraints; behind it, \
                        build the indexes with CREATE INDEX CONCURRENTLY, and add the constraints \
                        as NOT VALID and validate them in a transaction of their own.";
            RULE.finding(change.place, message).with_help(help)
        })
        .collect()
}
