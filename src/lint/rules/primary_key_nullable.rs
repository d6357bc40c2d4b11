//! `primary-key-nullable`: PRIMARY KEY USING INDEX over a column that may be NULL reads the table.

use crate::{
    diagnostic::Diagnostic,
    ident::Ident,
    lint::{context::Context, rule::Rule, words},
    parse::statement::{AlterActionKind, TableConstraintKind},
};

pub(super) const RULE: Rule = Rule::statement(
    "primary-key-nullable",
    include_str!("../../../lints/primary-key-nullable.md"),
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
            let AlterActionKind::AddConstraint(constraint) = &action.kind else {
                return None;
            };
            let TableConstraintKind::KeyUsingIndex { index, .. } = &constraint.kind else {
                return None;
            };
            let work = context.work_of(alone);
            if work.is_empty() {
                return None;
            }
            let table = context.before.table(&alter.name);
            let nullable: Vec<&Ident> = table
                .and_then(|table| table.index(index))
                .into_iter()
                .flat_map(|index| &index.keys)
                .filter_map(|key| key.column.as_ref())
                .filter(|name| {
                    table
                        .and_then(|table| table.column(name))
                        .is_none_or(|column| !column.not_null)
                })
                .collect();
            let named = match nullable.first() {
                Some(only) => only.to_string(),
                None => "the key's column".to_owned(),
            };
            let message = format!(
                "To prove that {named} is never NULL, this {}: the index alone spares that only \
                 for columns that are NOT NULL.",
                words::blocking(context, &work)
            );
            let help = format!(
                "First `ALTER TABLE {0} ADD CHECK ({named} IS NOT NULL) NOT VALID`, validate it in \
                 a transaction of its own, and `ALTER TABLE {0} ALTER COLUMN {named} SET NOT NULL`. \
                 `zdm plan` does this.",
                alter.name
            );
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}
