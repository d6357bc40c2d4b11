//! `constraint-enforced`: a constraint that was NOT ENFORCED is checked against every row.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule, words},
    parse::statement::AlterActionKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "constraint-enforced",
    include_str!("../../../lints/constraint-enforced.md"),
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
            let AlterActionKind::AlterConstraint { name, attributes } = &action.kind else {
                return None;
            };
            let work = context.work_of(alone);
            if work.is_empty() || attributes.enforced != Some(true) {
                return None;
            }
            let message = format!(
                "To enforce {name}, this {}.",
                words::blocking(context, &work)
            );
            let help = format!(
                "Add a second foreign key like {name} as NOT VALID, validate it in a transaction of \
                 its own, and drop {name}: `ALTER TABLE {} DROP CONSTRAINT {name}`.",
                alter.name
            );
            Some(RULE.finding(action.span, message).with_help(help))
        })
        .collect()
}
