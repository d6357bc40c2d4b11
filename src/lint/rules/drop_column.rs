//! `drop-column`: whoever still names the column fails from then on.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
    parse::statement::AlterActionKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "drop-column",
    include_str!("../../../lints/drop-column.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    let table = context.before.resolve(&alter.name);
    if context.is_new(&table) {
        return Vec::new();
    }
    context
        .subcommands()
        .filter_map(|(action, _)| {
            let AlterActionKind::DropColumn { name, .. } = &action.kind else {
                return None;
            };
            // A column that this file made has no readers, and one that is not there none either.
            let known = context.before.tables.get(&table);
            if known.is_some_and(|known| known.column(name).is_none()) {
                return None;
            }
            let began = context.file.start().tables.get(&table);
            if known.is_some() && began.is_some_and(|began| began.column(name).is_none()) {
                return None;
            }
            let message = format!(
                "Applications that still name {name} of {} fail from this moment on, also those \
                 that read `SELECT *` into fixed fields or cached its plan; the values are lost.",
                table.short()
            );
            let help = "Deploy an application that does not use it first, and drop it in a later \
                        migration. `zdm plan` does it in contract, and can take it back until then.";
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}
