//! `reindex-not-concurrent`: an index is built anew while writes of its table wait.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule, words},
    parse::{
        StatementKind,
        statement::{ReindexKind, Utility},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "reindex-not-concurrent",
    include_str!("../../../lints/reindex-not-concurrent.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let StatementKind::Opaque(opaque) = &context.statement.kind else {
        return Vec::new();
    };
    let Some(Utility::Reindex(reindex)) = opaque.utility.as_deref() else {
        return Vec::new();
    };
    let work = context.blocking_work(context.effects);
    if work.is_empty() {
        return Vec::new();
    }
    let what = match reindex.kind {
        ReindexKind::Index => "INDEX",
        ReindexKind::Table => "TABLE",
        ReindexKind::Schema => "SCHEMA",
        ReindexKind::Database => "DATABASE",
        ReindexKind::System => "SYSTEM",
    };
    let name = reindex
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!(" {name}"));
    let message = format!(
        "Building the indexes anew {}. Queries that would use such an index wait as well: it is \
         locked with ACCESS EXCLUSIVE.",
        words::blocking(context, &work)
    );
    vec![
        RULE.finding(context.statement.span, message)
            .with_help(format!(
                "`REINDEX {what} CONCURRENTLY{name}`, outside of a transaction."
            )),
    ]
}
