//! `partition-lock`: the partitioned table is locked where a weaker lock would do.

use crate::{
    diagnostic::Diagnostic,
    ident::ObjectName,
    lint::{
        context::{Context, listed},
        rule::Rule,
    },
    parse::{StatementKind, statement::AlterActionKind},
};

pub(super) const RULE: Rule = Rule::statement(
    "partition-lock",
    include_str!("../../../lints/partition-lock.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    match &context.statement.kind {
        StatementKind::CreateTable(create) => {
            let Some(part) = &create.partition_of else {
                return Vec::new();
            };
            let parent = context.before.resolve(&part.parent);
            if context.is_new(&parent) || context.blocking_scan(context.effects).is_some() {
                return Vec::new();
            }
            let name = &create.name;
            vec![
                RULE.finding(
                    context.statement.span,
                    format!(
                        "CREATE TABLE … PARTITION OF takes {}: while it waits for its locks, reads \
                         and writes of {} wait behind it.",
                        locks(context),
                        parent.short()
                    ),
                )
                .with_help(format!(
                    "`CREATE TABLE {name} (LIKE {} INCLUDING ALL)`, and `ALTER TABLE {} ATTACH \
                     PARTITION {name} …`, which takes SHARE UPDATE EXCLUSIVE there: nobody waits.",
                    part.parent, part.parent
                )),
            ]
        }
        StatementKind::AlterRelation(alter) => {
            let parent = context.before.resolve(&alter.name);
            let found = alter.actions.iter().filter_map(|action| {
                let AlterActionKind::DetachPartition {
                    name,
                    concurrently: false,
                    finalize: false,
                } = &action.kind
                else {
                    return None;
                };
                // Beside a default partition the server has no other form.
                if context.is_new(&parent) || has_default(context, &parent, &context.before.resolve(name)) {
                    return None;
                }
                Some(
                    RULE.finding(
                        action.span,
                        format!(
                            "DETACH PARTITION takes {}: while it waits for its locks, reads and \
                             writes of {} wait behind it.",
                            locks(context),
                            parent.short()
                        ),
                    )
                    .with_help(format!(
                        "`ALTER TABLE {} DETACH PARTITION {name} CONCURRENTLY`, outside of a \
                         transaction, takes SHARE UPDATE EXCLUSIVE there: nobody waits.",
                        alter.name
                    )),
                )
            });
            found.collect()
        }
        StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_)
        | StatementKind::Opaque(_) => Vec::new(),
    }
}

/// The strong locks on tables.
fn locks(context: &Context<'_>) -> String {
    let locks: Vec<String> = context
        .strong_locks()
        .filter(|(relation, _)| context.before.tables.contains_key(*relation) || !context.before.complete)
        .map(|(relation, mode)| format!("{mode} on {}", relation.short()))
        .collect();
    listed(&locks)
}

fn has_default(context: &Context<'_>, parent: &ObjectName, part: &ObjectName) -> bool {
    let tables = &context.before.tables;
    tables.get(parent).is_some_and(|table| {
        table.children.iter().any(|child| {
            child != part
                && tables
                    .get(child)
                    .is_some_and(|child| child.partition_bound.as_deref() == Some("DEFAULT"))
        })
    })
}
