//! `bulk-insert`: a table is filled from others in one go.

use crate::{
    diagnostic::{Diagnostic, Level},
    ident::ObjectName,
    lint::{context::Context, parts::{WriteKind, pins_a_key}, rule::Rule},
    parse::statement::{DataKind, Utility},
};

pub(super) const RULE: Rule = Rule::statement(
    "bulk-insert",
    include_str!("../../../lints/bulk-insert.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let into_known = context
        .bulk_write()
        .filter(|write| write.kind == WriteKind::Insert);
    let statement = context.statement;
    let fills_new = statement
        .data()
        .is_some_and(|data| data.kind == DataKind::Insert && data.from_query)
        || statement
            .create_table()
            .is_some_and(|create| create.as_query.is_some())
        || matches!(statement.utility(), Some(Utility::SelectInto(_)));
    let held = context.held.iter().any(|held| !context.is_new(&held.relation));
    if held || into_known.is_none() && !fills_new {
        return Vec::new();
    }
    let mut sources: Vec<&ObjectName> = context
        .effects
        .scans
        .iter()
        .map(|scan| &scan.relation)
        .filter(|relation| !context.is_new(relation) && !context.is_small(relation))
        .filter(|relation| !pins_a_key(context, relation))
        .collect();
    sources.dedup();
    if sources.is_empty() {
        return Vec::new();
    }
    let from = context.named(sources);
    let (level, message) = match into_known {
        Some(write) => (
            RULE.level(),
            format!(
                "This reads all of {from} and writes what it finds to {} in one transaction: an \
                 interruption undoes all of it, vacuum removes nothing meanwhile, and rows that \
                 clients write to {from} after it began are missed.",
                write.table.short()
            ),
        ),
        None => (
            Level::Info,
            format!(
                "This reads all of {from} in one transaction: vacuum removes nothing meanwhile, \
                 and rows that clients write there after it began are missed."
            ),
        ),
    };
    vec![
        RULE.finding_at(level, context.statement.span, message)
            .with_help(
                "Copy in batches by ranges of the key, with ON CONFLICT DO NOTHING, while a trigger \
                 copies what clients write: `zdm plan` runs INSERT … SELECT in batches where its \
                 rows can be told apart.",
            ),
    ]
}
