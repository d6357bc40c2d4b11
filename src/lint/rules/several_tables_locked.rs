//! `several-tables-locked`: one transaction collects strong locks on several tables.

use std::collections::BTreeSet;

use crate::{
    diagnostic::Diagnostic,
    effects::LockMode,
    ident::ObjectName,
    lint::{
        context::{Context, listed, who},
        file::File,
        parts::place,
        rule::Rule,
    },
    parse::{
        statement::{AlterAction, AlterActionKind, ColumnConstraintKind, TableConstraintKind},
    },
};

pub(super) const RULE: Rule = Rule::file(
    "several-tables-locked",
    include_str!("../../../lints/several-tables-locked.md"),
    check,
);

/// A strong lock on a table that clients use, and the statement that took it.
struct Taken {
    table: ObjectName,
    mode: LockMode,
    at: usize,
}

fn check(file: &File<'_>) -> Vec<Diagnostic> {
    // One list for each transaction, in order.
    let mut transactions: Vec<(usize, Vec<Taken>)> = Vec::new();
    let mut roots: BTreeSet<ObjectName> = BTreeSet::new();
    for context in file.contexts() {
        let Some(transaction) = context.transaction else {
            continue;
        };
        if transactions.last().is_none_or(|(first, _)| *first != transaction.first) {
            transactions.push((transaction.first, Vec::new()));
            roots.clear();
        }
        let Some((_, taken)) = transactions.last_mut() else {
            continue;
        };
        // What a new foreign key locks has a rule of its own.
        if adds_a_foreign_key(&context) {
            continue;
        }
        for (table, mode) in context.strong_locks() {
            if context.before.tables.contains_key(table) && roots.insert(root(&context, table)) {
                taken.push(Taken {
                    table: table.clone(),
                    mode,
                    at: context.at,
                });
            }
        }
    }
    let mut found = Vec::new();
    for (number, (_, taken)) in transactions.iter().enumerate() {
        let Some(first) = taken.first() else { continue };
        // One statement takes what it takes; a further one makes the first wait.
        let Some(second) = taken.iter().find(|taken| taken.at != first.at) else {
            continue;
        };
        let held: Vec<&Taken> = taken.iter().take_while(|taken| taken.at < second.at).collect();
        let names: Vec<String> = held.iter().map(|taken| taken.table.short()).collect();
        let strongest = held.iter().map(|taken| taken.mode).max().unwrap_or(first.mode);
        let all: Vec<String> = taken.iter().map(|taken| taken.table.short()).collect();
        let opposite = transactions.iter().enumerate().any(|(other, (_, others))| {
            other != number && reversed(others, first, second)
        });
        let mut message = format!(
            "While this waits for {} on {}, the transaction keeps {strongest} on {}: {} of {} wait \
             too, although nothing is done there.",
            second.mode,
            second.table.short(),
            listed(&names),
            who(strongest),
            listed(&names),
        );
        if taken.len() > 2 {
            message.push_str(&format!(" In the end {} are locked at once.", listed(&all)));
        }
        if opposite {
            message.push_str(
                " Another transaction of this file locks the same tables in the other order: two \
                 that run at once end in a deadlock.",
            );
        } else {
            message.push_str(
                " A client that uses them in the other order ends in a deadlock with it.",
            );
        }
        let (Some(here), Some(there)) = (place(file, second.at), place(file, first.at)) else {
            continue;
        };
        found.push(
            RULE.finding(here, message)
                .with_help(
                    "Change each table in a transaction of its own, or lock all of them first with \
                     `LOCK TABLE … NOWAIT`, in one order, and begin anew when that fails: `zdm \
                     apply` waits for one lock only while it holds none.",
                )
                .with_label(there, "the first lock is taken here"),
        );
    }
    found
}

/// Whether a transaction locks the two in the other order.
fn reversed(taken: &[Taken], first: &Taken, second: &Taken) -> bool {
    let at = |table: &ObjectName| taken.iter().find(|taken| taken.table == *table);
    match (at(&first.table), at(&second.table)) {
        (Some(one), Some(other)) => other.at < one.at,
        _ => false,
    }
}

/// The table at the top of the family: its parts are locked with it.
fn root(context: &Context<'_>, table: &ObjectName) -> ObjectName {
    let mut root = table;
    // A catalog that is wrong may go round.
    for _ in 0..32 {
        let known = context.before.tables.get(root);
        match known.and_then(|known| known.parents.first()) {
            Some(parent) => root = parent,
            None => break,
        }
    }
    root.clone()
}

fn adds_a_foreign_key(context: &Context<'_>) -> bool {
    let adds = |action: &AlterAction| match &action.kind {
        AlterActionKind::AddConstraint(constraint) => {
            matches!(constraint.kind, TableConstraintKind::ForeignKey { .. })
        }
        AlterActionKind::AddColumn { column, .. } => column
            .constraints
            .iter()
            .any(|one| matches!(one.kind, ColumnConstraintKind::References(_))),
        _ => false,
    };
    let statement = context.statement;
    statement.create_table().is_some() || statement.actions().iter().any(adds)
}
