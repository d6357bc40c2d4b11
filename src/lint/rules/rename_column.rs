//! `rename-column`: the old and the new application cannot both run.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
    parse::statement::AlterActionKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "rename-column",
    include_str!("../../../lints/rename-column.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    let relation = context.before.resolve(&alter.name);
    if context.is_new(&relation) || context.before.index(&relation).is_some() {
        return Vec::new();
    }
    context
        .subcommands()
        .filter_map(|(action, _)| {
            let AlterActionKind::RenameColumn { from, to } = &action.kind else {
                return None;
            };
            let began = context.file.start().tables.get(&relation);
            if began.is_some_and(|began| began.column(from).is_none()) {
                return None;
            }
            let message = format!(
                "From this moment on {from} of {relation} is {to}: applications that say {from} \
                 fail, and those that say {to} fail until then.",
                relation = relation.short()
            );
            let help = format!(
                "Add {to} as a second column, keep both in step with a trigger until every \
                 application says {to}, and drop {from} then. `zdm plan` does this."
            );
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}
