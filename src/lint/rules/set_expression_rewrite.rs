//! `set-expression-rewrite`: a stored generated column is computed anew for every row.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule, words},
    parse::statement::{AlterActionKind, ColumnAction},
};

pub(super) const RULE: Rule = Rule::statement(
    "set-expression-rewrite",
    include_str!("../../../lints/set-expression-rewrite.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    context
        .subcommands()
        .filter_map(|(action, alone)| {
            let AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::SetExpression(_),
            } = &action.kind
            else {
                return None;
            };
            let work = context.work_of(alone);
            if work.is_empty() {
                return None;
            }
            let message = format!(
                "Computing {name} for every row {}.",
                words::blocking(context, &work)
            );
            let help = "Add a second column that a trigger sets, fill it in batches, and exchange \
                        the two; or make the column virtual (PostgreSQL 18), which stores nothing.";
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}
