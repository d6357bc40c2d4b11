//! `trigger-disabled`: writes of clients go without a trigger or rule.

use crate::{
    diagnostic::Diagnostic,
    ident::{Ident, ObjectName},
    lint::{context::Context, file::Transaction, rule::Rule},
    parse::statement::{AlterActionKind, Firing},
};

pub(super) const RULE: Rule = Rule::statement(
    "trigger-disabled",
    include_str!("../../../lints/trigger-disabled.md"),
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
    let found = alter.actions.iter().filter_map(|action| {
        let (firing, name, what) = match &action.kind {
            AlterActionKind::Trigger { firing, name } => (*firing, name.as_ref(), "trigger"),
            AlterActionKind::Rule { firing, name } => (*firing, Some(name), "rule"),
            _ => return None,
        };
        let silent = match firing {
            Firing::Disabled | Firing::Replica => true,
            Firing::Origin | Firing::Always => false,
        };
        if !silent || restored(context, context.transaction, &table, name) {
            return None;
        }
        let all = name.is_none() && crate::lint::parts::has_word(context.slice(action.span), "all");
        let whom = match name {
            Some(name) => format!("without the {what} {name}"),
            None if all => "without any trigger, so that not even foreign keys are checked".to_owned(),
            None => "without its triggers".to_owned(),
        };
        let it = if name.is_some() { "it is" } else { "they are" };
        let superuser = if all {
            " Only a superuser may do this where a foreign key is."
        } else {
            ""
        };
        Some(
            RULE.finding(
                action.span,
                format!(
                    "Writes of {} by all clients go {whom} until {it} switched on again, and \
                     nothing makes up for what was missed.{superuser}",
                    table.short()
                ),
            )
            .with_help(
                "Switch it off for your own session only: `SET LOCAL session_replication_role = \
                 replica` in the transaction that writes (since 15 the right to do so can be \
                 granted), or let the trigger's WHEN look at a setting of yours.",
            ),
        )
    });
    found.collect()
}

/// Whether the same transaction switches it on again: its lock keeps writers away until then.
fn restored(
    context: &Context<'_>,
    transaction: Option<Transaction>,
    table: &ObjectName,
    name: Option<&Ident>,
) -> bool {
    let Some(transaction) = transaction else {
        return false;
    };
    context
        .file
        .contexts_from(context.at + 1)
        .take_while(|later| later.transaction == Some(transaction))
        .any(|later| {
            later.alter().is_some_and(|alter| {
                later.before.resolve(&alter.name) == *table
                    && alter.actions.iter().any(|action| {
                        matches!(
                            &action.kind,
                            AlterActionKind::Trigger {
                                firing: Firing::Origin | Firing::Always,
                                name: again,
                            } if again.is_none() || again.as_ref() == name
                        )
                    })
            })
        })
}
