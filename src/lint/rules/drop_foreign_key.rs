//! `drop-foreign-key`: dropping a foreign key, or the key it references, locks both tables.

use crate::{
    catalog::ConstraintKind,
    diagnostic::{Diagnostic, Level},
    effects::LockMode,
    ident::ObjectName,
    lint::{context::Context, rule::Rule, words},
    parse::statement::{AlterActionKind, DropBehavior},
};

pub(super) const RULE: Rule = Rule::statement(
    "drop-foreign-key",
    include_str!("../../../lints/drop-foreign-key.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    let Some(table) = context.before.table(&alter.name) else {
        return Vec::new();
    };
    if context.is_new(&table.name) {
        return Vec::new();
    }
    context
        .subcommands()
        .filter_map(|(action, alone)| {
            let AlterActionKind::DropConstraint { name, behavior, .. } = &action.kind else {
                return None;
            };
            let constraint = table.constraint(name)?;
            let locks: Vec<(&ObjectName, LockMode)> = context
                .strong_locks()
                .filter(|(relation, _)| alone.lock_on(relation).is_some())
                .filter(|(relation, _)| context.before.tables.contains_key(relation))
                .collect();
            let waits = format!(
                "this takes {}: for a moment, and for as long as it has to wait for those locks, {} \
                 wait",
                words::holds(locks.clone()),
                words::waiting(locks.clone()),
            );
            match &constraint.kind {
                ConstraintKind::ForeignKey { references, .. } if locks.len() > 1 => {
                    let message = format!(
                        "To drop {name}, which references {}, {waits}.",
                        references.short()
                    );
                    let help = "Set a short `lock_timeout` before it and try again when it \
                                strikes, and do nothing else in its transaction. `zdm apply` does \
                                this.";
                    Some(RULE.finding(action.span, message).with_help(help))
                }
                ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. } => {
                    let lost: Vec<String> = context
                        .before
                        .inbound_foreign_keys(&table.name)
                        .into_iter()
                        .filter(|(child, key)| {
                            context
                                .after
                                .tables
                                .get(&child.name)
                                .is_some_and(|after| after.constraint(&key.name).is_none())
                        })
                        .map(|(child, key)| format!("{} of {}", key.name, child.name.short()))
                        .collect();
                    if *behavior != DropBehavior::Cascade || lost.is_empty() {
                        return None;
                    }
                    let message = format!(
                        "CASCADE drops the foreign keys that reference {name} as well: {}. And {waits}.",
                        lost.join(", ")
                    );
                    let help = "Drop the foreign keys by name in statements of their own, so that \
                                nothing goes that is not named; add them again to the new key as \
                                NOT VALID.";
                    Some(
                        RULE.finding_at(Level::Warning, action.span, message)
                            .with_help(help),
                    )
                }
                ConstraintKind::ForeignKey { .. }
                | ConstraintKind::Check { .. }
                | ConstraintKind::Exclude { .. }
                | ConstraintKind::Other => None,
            }
        })
        .collect()
}
