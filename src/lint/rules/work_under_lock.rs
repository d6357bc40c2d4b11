//! `work-under-lock`: something long is done while the transaction holds a strong lock from before.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Diagnostic,
    effects::{LockMode, Scan},
    ident::ObjectName,
    lint::{
        context::{Context, listed, who},
        parts::{excerpt, pins_a_key, place},
        rule::Rule,
        words,
    },
    parse::statement::{AlterActionKind, DataKind},
};

pub(super) const RULE: Rule = Rule::statement(
    "work-under-lock",
    include_str!("../../../lints/work-under-lock.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(transaction) = context.transaction else {
        return Vec::new();
    };
    if context.effects.outside_transaction || only_a_sequence(context) {
        return Vec::new();
    }
    let work: Vec<&Scan> = context
        .effects
        .scans
        .iter()
        .filter(|scan| !context.is_new(&scan.relation) && !context.is_small(&scan.relation))
        // A WHERE that names a key spares the scan.
        .filter(|scan| !pins_a_key(context, &scan.relation))
        .collect();
    let Some(first) = work.first() else {
        return Vec::new();
    };
    // What the statement itself blocks, and what it validates, other rules speak of.
    let own: Vec<&ObjectName> = context
        .blocking_scans(context.effects)
        .map(|scan| &scan.relation)
        .collect();
    let validated: Vec<&ObjectName> = context
        .subcommands()
        .filter(|(action, _)| matches!(action.kind, AlterActionKind::ValidateConstraint { .. }))
        .flat_map(|(_, alone)| alone.scans.iter().map(|scan| &scan.relation))
        .collect();
    let mut held: BTreeMap<&ObjectName, (LockMode, usize)> = BTreeMap::new();
    for lock in context.held {
        let relation = &lock.relation;
        if context.is_new(relation)
            || own.contains(&relation)
            || validated.contains(&relation)
            || !context.before.tables.contains_key(relation) && context.before.complete
        {
            continue;
        }
        let known = held.entry(relation).or_insert((lock.mode, lock.step));
        if known.0 < lock.mode {
            *known = (lock.mode, lock.step);
        }
    }
    let Some((strongest, step)) = held.values().max_by_key(|(mode, _)| *mode).copied() else {
        return Vec::new();
    };
    let locks: Vec<String> = held
        .iter()
        .map(|(relation, (mode, _))| format!("{mode} on {}", relation.short()))
        .collect();
    let tables: Vec<String> = held.keys().map(|relation| relation.short()).collect();
    let help = if context.block.is_some() {
        "Take it out of the block, into a transaction of its own: a DO block gives up no lock \
         before it ends."
    } else if transaction.begin.is_some() {
        "COMMIT before it, and do it in a transaction of its own: `zdm plan` takes the file apart \
         like this."
    } else {
        "Put it into a file of its own, behind this one: the runner keeps all of this file in one \
         transaction. `zdm plan` takes it apart."
    };
    let found = RULE
        .finding(
            context.statement.span,
            format!(
                "This reads all of {}{} {}, while the transaction still holds {} from `{}`: {} of \
                 {} wait until the transaction ends.",
                first.relation.short(),
                context.size_in_words(&first.relation),
                first.purpose,
                listed(&locks),
                excerpt(context.file, step),
                who(strongest),
                listed(&tables),
            ),
        )
        .with_help(help);
    let found = words::lasting(context, context.lasts(), found);
    vec![match place(context.file, step) {
        Some(place) => found.with_label(place, "the lock is taken here"),
        None => found,
    }]
}

/// `SELECT setval(…)`: what it reads of a table is its greatest key.
fn only_a_sequence(context: &Context<'_>) -> bool {
    context
        .data()
        .is_some_and(|data| data.kind == DataKind::Select && context.says("setval"))
}
