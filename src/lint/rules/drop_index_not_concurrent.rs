//! `drop-index-not-concurrent`: dropping an index locks its table against reads and writes.

use crate::{
    diagnostic::Diagnostic,
    effects::LockMode,
    ident::ObjectName,
    lint::{context::Context, rule::Rule, words},
    parse::{StatementKind, statement::DropKind},
};

pub(super) const RULE: Rule = Rule::statement(
    "drop-index-not-concurrent",
    include_str!("../../../lints/drop-index-not-concurrent.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let StatementKind::Drop(drop) = &context.statement.kind else {
        return Vec::new();
    };
    if drop.kind != DropKind::Index || context.effects.fails.is_some() {
        return Vec::new();
    }
    let tables: Vec<(&ObjectName, LockMode)> = context
        .strong_locks()
        .filter(|(relation, _)| context.before.tables.contains_key(relation))
        .collect();
    if tables.is_empty() {
        return Vec::new();
    }
    let partitioned = tables
        .iter()
        .filter_map(|(name, _)| context.before.tables.get(name))
        .any(|table| table.partition_key.is_some());
    let names: Vec<String> = drop.names.iter().map(ToString::to_string).collect();
    let help = if partitioned {
        "The index of a partitioned table cannot be dropped CONCURRENTLY: set a `lock_timeout` and \
         try again when it strikes. `zdm apply` does this."
            .to_owned()
    } else {
        let each: Vec<String> = names
            .iter()
            .map(|name| format!("`DROP INDEX CONCURRENTLY {name}`"))
            .collect();
        format!("{}, outside of a transaction.", each.join(", "))
    };
    let message = format!(
        "Dropping {} takes {}: for a moment, and for as long as it has to wait for that lock, {} \
         wait.",
        names.join(", "),
        words::holds(tables.clone()),
        words::waiting(tables),
    );
    vec![RULE.finding(context.statement.span, message).with_help(help)]
}
