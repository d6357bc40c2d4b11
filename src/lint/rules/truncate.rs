//! `truncate`: all rows of a table that clients use are thrown away.

use crate::{
    diagnostic::Diagnostic,
    ident::ObjectName,
    lint::{context::Context, rule::Rule},
    parse::statement::DataKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "truncate",
    include_str!("../../../lints/truncate.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(data) = context.data().filter(|data| data.kind == DataKind::Truncate) else {
        return Vec::new();
    };
    let named: Vec<ObjectName> = data
        .targets
        .iter()
        .map(|name| context.before.resolve(name))
        .collect();
    let referencing: Vec<(&ObjectName, String)> = named
        .iter()
        .flat_map(|name| context.before.inbound_foreign_keys(name))
        .filter(|(child, _)| !named.contains(&child.name))
        .map(|(child, key)| (&child.name, key.name.to_string()))
        .collect();
    if let Some((child, key)) = referencing.first()
        && !context.says("cascade")
    {
        return vec![
            RULE.finding(
                context.statement.span,
                format!(
                    "This fails: foreign key {key} of {} references the table, and only CASCADE \
                     would truncate that one too.",
                    child.short()
                ),
            )
            .with_help(format!(
                "Name {} in the same command if its rows shall go, or DELETE the rows in batches.",
                child.short()
            )),
        ];
    }
    // What CASCADE reaches is locked too, and so is what it reaches from there.
    let emptied: Vec<&ObjectName> = context
        .effects
        .locks
        .iter()
        .map(|lock| &lock.relation)
        .filter(|relation| named.contains(relation) || context.before.tables.contains_key(*relation))
        .filter(|relation| !context.is_new(relation) && !context.is_empty(relation))
        .collect();
    if emptied.is_empty() {
        return Vec::new();
    }
    let beyond: Vec<&ObjectName> = emptied
        .iter()
        .filter(|relation| referencing.iter().any(|(child, _)| child == *relation))
        .copied()
        .collect();
    let cascade = if beyond.is_empty() {
        String::new()
    } else {
        format!(" CASCADE reaches {}.", context.named(beyond))
    };
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "All rows of {} are thrown away, under ACCESS EXCLUSIVE: reads and writes wait, \
                 and snapshots taken before find the table empty.{cascade}",
                context.named(emptied)
            ),
        )
        .with_help(
            "DELETE the rows that shall go in batches (`zdm plan` does this), or say with \
             `-- zdm: allow(truncate) because …` that nobody needs them.",
        ),
    ]
}
