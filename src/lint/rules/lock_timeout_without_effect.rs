//! `lock-timeout-without-effect`: a timeout is set, and bounds nothing.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::Context,
        file::File,
        parts::excerpt,
        rule::Rule,
        timeout::{Scope, assignment},
    },
};

pub(super) const RULE: Rule = Rule::file(
    "lock-timeout-without-effect",
    include_str!("../../../lints/lock-timeout-without-effect.md"),
    check,
);

fn check(file: &File<'_>) -> Vec<Diagnostic> {
    // The first statement that waits for a strong lock while nothing bounds that.
    let unguarded = file
        .contexts()
        .find(|context| {
            context.timeouts.lock.is_none() && context.strong_locks().next().is_some()
        })
        .map(|context| context.at);
    file.contexts()
        .filter_map(|context| {
            let set = assignment(file.source, context.statement)?;
            if set.reset {
                return None;
            }
            let about_locks = set.name == "lock_timeout";
            if !about_locks && set.name != "statement_timeout" {
                return None;
            }
            if set.scope == Scope::Transaction && context.transaction.is_none() {
                return Some(
                    RULE.finding(
                        context.statement.span,
                        format!(
                            "This does nothing but warn: SET LOCAL lasts to the end of a \
                             transaction, and there is none, so that {} stays as it was.",
                            set.name
                        ),
                    )
                    .with_help(format!(
                        "Put BEGIN before it, or leave LOCAL out: `SET {} = …`.",
                        set.name
                    )),
                );
            }
            about_locks.then(|| of_locks(file, &context, set.millis, unguarded)).flatten()
        })
        .collect()
}

fn of_locks(
    file: &File<'_>,
    context: &Context<'_>,
    millis: Option<u64>,
    unguarded: Option<usize>,
) -> Option<Diagnostic> {
    let at = context.statement.span;
    // Statements that wait for a strong lock under this setting.
    let guarded: Vec<Context<'_>> = file
        .contexts_from(context.at + 1)
        .take_while(|later| later.timeouts.lock.is_some_and(|lock| lock.span == at))
        .filter(|later| later.strong_locks().next().is_some())
        .collect();
    let Some(first) = guarded.first() else {
        let earlier = unguarded.filter(|earlier| *earlier < context.at && millis != Some(0))?;
        return Some(
            RULE.finding(
                at,
                format!(
                    "This comes too late: `{}` has waited for its locks already, and nothing \
                     behind this waits for a strong one.",
                    excerpt(file, earlier)
                ),
            )
            .with_help("Put it before the first statement that takes a strong lock."),
        );
    };
    if millis == Some(0) {
        return Some(
            RULE.finding(
                at,
                format!(
                    "0 switches lock_timeout off: `{}` waits for its locks without end, and \
                     clients behind it.",
                    excerpt(file, first.at)
                ),
            )
            .with_help("Set a bound: `SET lock_timeout = '2s'`."),
        );
    }
    let lock = millis?;
    let struck = guarded.iter().find_map(|later| {
        let statement = later.timeouts.statement?;
        let statement_millis = statement.millis.filter(|millis| *millis > 0)?;
        (statement_millis <= lock).then_some((statement_millis, statement.span))
    });
    let (statement, place) = struck?;
    Some(
        RULE.finding(
            at,
            format!(
                "statement_timeout strikes after {statement} ms, before lock_timeout does after \
                 {lock} ms: clients wait behind the lock all that time, and the error does not \
                 say that a lock was the reason, so that nobody tries again."
            ),
        )
        .with_help("Set lock_timeout lower than statement_timeout.")
        .with_label(place, "statement_timeout is set here"),
    )
}
