//! `column-type-rebuild`: the rows stay as they are, but indexes, checks or foreign keys on the
//! column are made or checked again.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::{Context, WorkKind, listed},
        rule::Rule,
        words,
    },
    parse::statement::{AlterActionKind, ColumnAction},
};

pub(super) const RULE: Rule = Rule::statement(
    "column-type-rebuild",
    include_str!("../../../lints/column-type-rebuild.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    context
        .subcommands()
        .filter_map(|(action, alone)| {
            let AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::Type { ty, .. },
            } = &action.kind
            else {
                return None;
            };
            let work = context.work_of(alone);
            if work.is_empty() || work.iter().any(|work| work.kind == WorkKind::Rewrite) {
                return None;
            }
            let mut purposes: Vec<String> =
                work.iter().map(|work| work.purpose.to_owned()).collect();
            purposes.dedup();
            let message = format!(
                "Changing {name} to {} leaves the rows as they are, but {} it {}.",
                context.slice(ty.span),
                listed(&purposes),
                words::blocking(context, &work)
            );
            let help = "Before it, drop the indexes concurrently and the constraints; behind it, \
                        build the indexes with CREATE INDEX CONCURRENTLY, and add the constraints \
                        as NOT VALID and validate them in a transaction of their own.";
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}
