//! `index-if-not-exists`: an invalid index of that name makes CREATE INDEX do nothing.

use crate::{
    diagnostic::{Diagnostic, Level},
    lint::{context::Context, rule::Rule},
    parse::StatementKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "index-if-not-exists",
    include_str!("../../../lints/index-if-not-exists.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let StatementKind::CreateIndex(index) = &context.statement.kind else {
        return Vec::new();
    };
    let table = context.before.resolve(&index.table);
    let Some(name) = index.name.as_ref().filter(|_| index.if_not_exists) else {
        return Vec::new();
    };
    let full = table.sibling(name.clone());
    let invalid = context
        .before
        .index(&full)
        .is_some_and(|(_, there)| !there.valid);
    if invalid {
        let message = format!(
            "This does nothing: {name} is there, but invalid; no query uses it, and every write \
             keeps it up."
        );
        let help = format!("`DROP INDEX CONCURRENTLY {name}` first, and create it again.");
        return vec![
            RULE.finding_at(Level::Error, context.statement.span, message)
                .with_help(help),
        ];
    }
    if !index.concurrently || context.is_new(&table) {
        return Vec::new();
    }
    let message = format!(
        "When an earlier attempt was interrupted, {name} is there but invalid, and IF NOT EXISTS \
         makes this succeed without building anything."
    );
    let help = format!(
        "Leave IF NOT EXISTS out, or `DROP INDEX CONCURRENTLY IF EXISTS {name}` first. `zdm apply` \
         looks whether the index is valid."
    );
    vec![
        RULE.finding(context.statement.span, message)
            .with_help(help),
    ]
}
