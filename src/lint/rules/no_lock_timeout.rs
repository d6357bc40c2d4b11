//! `no-lock-timeout`: a strong lock is waited for without end, and clients wait behind it.

use std::collections::BTreeSet;

use crate::{
    diagnostic::Diagnostic,
    ident::ObjectName,
    lint::{
        context::{Context, who},
        file::File,
        rule::Rule,
        timeout::Timeout,
    },
    parse::statement::Utility,
};

pub(super) const RULE: Rule = Rule::file(
    "no-lock-timeout",
    include_str!("../../../lints/no-lock-timeout.md"),
    check,
);

fn check(file: &File<'_>) -> Vec<Diagnostic> {
    let mut unbounded: Vec<Context<'_>> = Vec::new();
    // A lock that the transaction holds already is not waited for.
    let mut transaction = None;
    let mut held: BTreeSet<&ObjectName> = BTreeSet::new();
    for context in file.contexts() {
        if context.transaction != transaction || transaction.is_none() {
            transaction = context.transaction;
            held.clear();
        }
        let mut waits = false;
        for (relation, _) in context.strong_locks() {
            waits |= held.insert(relation);
        }
        if waits && waits_without_end(&context) {
            unbounded.push(context);
        }
    }
    // One for the file: the setting that helps the first helps all.
    let Some(first) = unbounded.first() else {
        return Vec::new();
    };
    let Some((relation, mode)) = first.strong_locks().next() else {
        return Vec::new();
    };
    let more = match unbounded.len() - 1 {
        0 => String::new(),
        1 => " So does one more statement of this file.".to_owned(),
        more => format!(" So do {more} more statements of this file."),
    };
    vec![
        RULE.finding(
            first.statement.span,
            format!(
                "This waits for {mode} on {}{} without end when a long query or transaction uses \
                 it, and {} of {} wait behind it meanwhile.{more}",
                relation.short(),
                first.size_in_words(relation),
                who(mode),
                relation.short(),
            ),
        )
        .with_help(
            "Put `SET lock_timeout = '2s';` before it and run it again when it strikes. `zdm \
             apply` needs no such line: it looks first, waits in short steps and tries again.",
        ),
    ]
}

/// What blocks for long anyway has rules of its own.
fn waits_without_end(context: &Context<'_>) -> bool {
    let bounded = context.timeouts.lock.as_ref().is_some_and(Timeout::is_on);
    let nowait = matches!(context.utility(), Some(Utility::Lock(lock)) if lock.nowait);
    !bounded
        && !nowait
        && !context.effects.outside_transaction
        && context.effects.fails.is_none()
        && context.blocking_scan(context.effects).is_none()
}
