//! `lock-table`: a lock is asked for that stops clients until the transaction ends.

use crate::{
    diagnostic::{Diagnostic, Level},
    ident::ObjectName,
    lint::{
        context::{Context, listed, who},
        rule::Rule,
    },
    parse::statement::Utility,
};

pub(super) const RULE: Rule = Rule::statement(
    "lock-table",
    include_str!("../../../lints/lock-table.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(Utility::Lock(lock)) = context.utility() else {
        return Vec::new();
    };
    if context.transaction.is_none() {
        return vec![
            RULE.finding_at(
                Level::Error,
                context.statement.span,
                "This fails with `LOCK TABLE can only be used in transaction blocks`: the lock \
                 would end with the statement.",
            )
            .with_help("Put BEGIN before it, or leave it out: each command takes the locks it needs."),
        ];
    }
    let locks: Vec<_> = context.strong_locks().collect();
    let Some(strongest) = locks.iter().map(|(_, mode)| *mode).max() else {
        return Vec::new();
    };
    let tables: Vec<&ObjectName> = locks.iter().map(|(relation, _)| *relation).collect();
    let short: Vec<String> = tables.iter().map(|table| table.short()).collect();
    let queue = if lock.nowait {
        ""
    } else {
        ", and so do those behind it for as long as it waits itself"
    };
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "{} of {} wait from here to the end of the transaction{queue}: it holds \
                 {strongest} on {}.",
                capitalised(who(strongest)),
                listed(&short),
                context.named(tables),
            ),
        )
        .with_help(
            "Leave it out where the commands that follow take their own locks; else set a short \
             `lock_timeout`, do nothing long behind it, and COMMIT.",
        ),
    ]
}

fn capitalised(words: &str) -> String {
    let mut chars = words.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().to_string() + chars.as_str())
}
