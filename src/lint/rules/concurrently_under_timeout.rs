//! `concurrently-under-timeout`: a timeout ends the build of an index and leaves it invalid.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::Context,
        rule::{OptionDefault, Rule, RuleOption},
        timeout::Timeout,
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "concurrently-under-timeout",
    include_str!("../../../lints/concurrently-under-timeout.md"),
    check,
)
.with_options(&[RuleOption {
    name: "at_least_ms",
    default: OptionDefault::Number(1_800_000),
    doc: "A `statement_timeout` of at least so many milliseconds is long enough.",
}]);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let statement = context.statement;
    let builds = statement
        .create_index()
        .is_some_and(|index| index.concurrently)
        || statement
            .opaque()
            .is_some_and(|opaque| opaque.keywords.starts_with("REINDEX"));
    if !builds || !context.effects.waits_for_snapshots {
        return Vec::new();
    }
    let enough = RULE.option(context.file, "at_least_ms").number();
    let short = |timeout: &Option<Timeout>| timeout.filter(Timeout::is_on);
    let statement = short(&context.timeouts.statement)
        .filter(|timeout| timeout.millis.is_none_or(|millis| millis < enough))
        .map(|timeout| ("statement_timeout", "takes", timeout));
    // It waits for every transaction that is older, which is a wait for a lock too.
    let lock = short(&context.timeouts.lock)
        .map(|timeout| ("lock_timeout", "waits for older transactions", timeout));
    statement
        .into_iter()
        .chain(lock)
        .take(1)
        .map(|(setting, why, timeout)| {
            let message = format!(
                "{setting} ends this when it {why} longer than that, and what is left is an index \
                 that is invalid: it is kept up by every write and used by no query."
            );
            RULE.finding(context.statement.span, message)
                .with_help(format!(
                    "`SET {setting} = 0` before it. `zdm apply` does so, watches what it waits for, \
                     and clears away what was left behind."
                ))
                .with_label(timeout.span, format!("{setting} is set here"))
        })
        .collect()
}
