//! `foreign-key-lock`: adding a foreign key, to a new table too, stops writes of the referenced
//! table for a moment.

use crate::{
    diagnostic::Diagnostic,
    effects::LockMode,
    ident::ObjectName,
    lint::{context::{Context, listed}, rule::Rule, words},
    parse::{
        statement::{
            AlterAction, AlterActionKind, ColumnConstraintKind, ColumnDef, TableConstraint, TableConstraintKind,
        },
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "foreign-key-lock",
    include_str!("../../../lints/foreign-key-lock.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let referenced = referenced(context);
    if referenced.is_empty() || !context.blocking_work(context.effects).is_empty() {
        return Vec::new();
    }
    let locks: Vec<(&ObjectName, LockMode)> = context
        .strong_locks()
        .filter(|(relation, _)| referenced.contains(relation))
        .collect();
    if locks.is_empty() {
        return Vec::new();
    }
    // Several at once wait for each other when two transactions take them in another order.
    let earlier: Vec<String> = {
        let mut names: Vec<String> = context
            .held
            .iter()
            .filter(|held| !context.is_new(&held.relation))
            .filter(|held| !locks.iter().any(|(relation, _)| **relation == held.relation))
            .filter(|held| context.before.tables.contains_key(&held.relation))
            .map(|held| held.relation.short())
            .collect();
        names.sort();
        names.dedup();
        names
    };
    let mut message = format!(
        "The foreign key takes {}: for a moment, and for as long as it has to wait for that lock, \
         {} wait.",
        words::holds(locks.clone()),
        words::waiting(locks.clone()),
    );
    if locks.len() > 1 {
        message.push_str(
            " Several tables are locked at once: a transaction that writes them in another order \
             ends in a deadlock with this one.",
        );
    } else if !earlier.is_empty() {
        message.push_str(&format!(
            " {} is locked by this transaction already: one that writes both in another order ends \
             in a deadlock with it.",
            listed(&earlier)
        ));
    }
    let help = if locks.len() > 1 || !earlier.is_empty() {
        "Create the table without its foreign keys, and add each in a transaction of its own, as \
         NOT VALID, behind a short `lock_timeout`. `zdm apply` does this."
    } else {
        "Set a short `lock_timeout` before it and try again when it strikes, and keep the \
         transaction short. `zdm apply` does this."
    };
    vec![
        RULE.finding(context.statement.span, message)
            .with_help(help),
    ]
}

/// The tables that new foreign keys of this statement reference.
fn referenced(context: &Context<'_>) -> Vec<ObjectName> {
    let of_column = |column: &ColumnDef| -> Vec<ObjectName> {
        column
            .constraints
            .iter()
            .filter_map(|constraint| match &constraint.kind {
                ColumnConstraintKind::References(references) => {
                    Some(context.before.resolve(&references.table))
                }
                ColumnConstraintKind::NotNull
                | ColumnConstraintKind::Null
                | ColumnConstraintKind::Default(_)
                | ColumnConstraintKind::Check(_)
                | ColumnConstraintKind::Unique { .. }
                | ColumnConstraintKind::PrimaryKey
                | ColumnConstraintKind::Generated { .. }
                | ColumnConstraintKind::Identity { .. } => None,
            })
            .collect()
    };
    let of_table = |constraint: &TableConstraint| match &constraint.kind {
        TableConstraintKind::ForeignKey { references, .. } => {
            Some(context.before.resolve(&references.table))
        }
        TableConstraintKind::Check(_)
        | TableConstraintKind::NotNull(_)
        | TableConstraintKind::Key(_)
        | TableConstraintKind::KeyUsingIndex { .. }
        | TableConstraintKind::Exclude(_) => None,
    };
    let of_action = |action: &AlterAction| match &action.kind {
        AlterActionKind::AddColumn { column, .. } => of_column(column),
        AlterActionKind::AddConstraint(constraint) => of_table(constraint).into_iter().collect(),
        _ => Vec::new(),
    };
    if let Some(create) = context.statement.create_table() {
        let columns = create.columns.iter().flat_map(of_column);
        let constraints = create.constraints.iter().filter_map(of_table);
        return columns.chain(constraints).collect();
    }
    context.statement.actions().iter().flat_map(of_action).collect()
}
