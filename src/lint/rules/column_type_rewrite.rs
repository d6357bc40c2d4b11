//! `column-type-rewrite`: the new type is stored differently, so every row is written anew.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::{Context, WorkKind},
        rule::Rule,
        words,
    },
    parse::statement::{AlterActionKind, ColumnAction},
};

pub(super) const RULE: Rule = Rule::statement(
    "column-type-rewrite",
    include_str!("../../../lints/column-type-rewrite.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
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
            if work.iter().all(|work| work.kind == WorkKind::Scan) {
                return None;
            }
            let from = context
                .before
                .table(&alter.name)
                .and_then(|table| table.column(name))
                .map_or_else(String::new, |column| format!(" from {}", column.ty));
            let ty = context.slice(ty.span);
            let message = format!(
                "Changing {name}{from} to {ty} {}.",
                words::blocking(context, &work)
            );
            let help = format!(
                "Add a second column of type {ty}, keep both in step with a trigger, fill it in \
                 batches, and exchange the two. `zdm plan` does this."
            );
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}
