//! `inherit`: rows of a child appear in, or vanish from, what clients read of its parent.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
    parse::statement::AlterActionKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "inherit",
    include_str!("../../../lints/inherit.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    let child = context.before.resolve(&alter.name);
    let found = alter.actions.iter().filter_map(|action| {
        let (parent, appears) = match &action.kind {
            AlterActionKind::Inherit(parent) => (context.before.resolve(parent), true),
            AlterActionKind::NoInherit(parent) => (context.before.resolve(parent), false),
            _ => return None,
        };
        if context.is_new(&parent) {
            return None;
        }
        let held = if context.is_new(&child) {
            String::new()
        } else {
            format!(
                " It takes ACCESS EXCLUSIVE on {}: while it waits for that, reads and writes of \
                 {0} and of {} wait behind it.",
                child.short(),
                parent.short()
            )
        };
        let (message, help) = if appears {
            (
                format!(
                    "Queries, updates and deletes on {} reach the rows of {}{} from now on.{held}",
                    parent.short(),
                    child.short(),
                    context.size_in_words(&child)
                ),
                format!(
                    "Release an application first that says `ONLY {}` where the new rows must not \
                     count.",
                    parent.short()
                ),
            )
        } else {
            (
                format!(
                    "The rows of {}{} vanish from queries on {} from now on.{held}",
                    child.short(),
                    context.size_in_words(&child),
                    parent.short()
                ),
                format!(
                    "Release an application first that reads {} where it needs these rows.",
                    child.short()
                ),
            )
        };
        Some(RULE.finding(action.span, message).with_help(help))
    });
    found.collect()
}
