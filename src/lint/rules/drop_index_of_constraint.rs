//! `drop-index-of-constraint`: the index behind a constraint goes with the constraint only.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
    parse::{StatementKind, statement::DropKind},
};

pub(super) const RULE: Rule = Rule::statement(
    "drop-index-of-constraint",
    include_str!("../../../lints/drop-index-of-constraint.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let StatementKind::Drop(drop) = &context.statement.kind else {
        return Vec::new();
    };
    if drop.kind != DropKind::Index {
        return Vec::new();
    }
    drop.names
        .iter()
        .filter_map(|name| {
            let full = context.before.resolve(name);
            let (table, index) = context.before.index(&full)?;
            let constraint = index.constraint.as_ref()?;
            let message = format!(
                "This fails: the constraint {constraint} of {} needs the index {name}.",
                table.name.short()
            );
            let help = format!(
                "Drop the constraint, and the index goes with it: `ALTER TABLE {} DROP CONSTRAINT \
                 {constraint}`.",
                table.name.short()
            );
            Some(
                RULE.finding(context.statement.span, message)
                    .with_help(help),
            )
        })
        .collect()
}
