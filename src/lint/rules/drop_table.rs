//! `drop-table`: a relation that clients use goes, with its rows.

use crate::{
    diagnostic::Diagnostic,
    ident::ObjectName,
    lint::{
        context::{Context, listed},
        rule::Rule,
    },
    parse::statement::DropKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "drop-table",
    include_str!("../../../lints/drop-table.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(drop) = context.drop() else {
        return Vec::new();
    };
    // What the server refuses goes nowhere.
    if context.effects.fails.is_some() {
        return Vec::new();
    }
    let (what, holds_rows) = match &drop.kind {
        DropKind::Table => ("table", true),
        DropKind::MaterializedView => ("materialized view", false),
        DropKind::View => ("view", false),
        DropKind::Sequence => ("sequence", false),
        DropKind::Index
        | DropKind::Type
        | DropKind::Domain
        | DropKind::Schema
        | DropKind::Function
        | DropKind::Trigger
        | DropKind::Policy
        | DropKind::Rule
        | DropKind::Extension
        | DropKind::Statistics
        | DropKind::Publication
        | DropKind::Other(_) => return Vec::new(),
    };
    let named: Vec<ObjectName> = drop
        .names
        .iter()
        .map(|name| context.before.resolve(name))
        .collect();
    let going: Vec<&ObjectName> = named
        .iter()
        .filter(|name| !context.is_new(name))
        .filter(|name| context.before.has_relation(name) || !context.before.complete)
        .filter(|name| !comes_back(context, name))
        .collect();
    if going.is_empty() {
        return Vec::new();
    }
    let rows = match (holds_rows, going.len()) {
        (false, _) => "",
        (true, 1) => ", and its rows are lost",
        (true, _) => ", and their rows are lost",
    };
    let (these, that) = if going.len() == 1 { ("this", "it") } else { ("these", "them") };
    let mut message = format!(
        "Every statement of the running application that names {} fails from now on{rows}.",
        context.named(going.iter().copied())
    );
    // A foreign key joins them, or it is the partitioned table.
    let others: Vec<String> = context
        .strong_locks()
        .filter(|(relation, _)| context.before.tables.contains_key(*relation))
        .filter(|(relation, _)| !named.contains(relation) && !is_part_of(context, relation, &named))
        .map(|(relation, mode)| format!("{mode} on {}", relation.short()))
        .collect();
    let mut help = format!(
        "Release an application that does not use {these} {what}{} first, and drop {that} later: \
         `zdm plan` does so in its contract phase.",
        if going.len() == 1 { "" } else { "s" }
    );
    if !others.is_empty() {
        message.push_str(&format!(
            " It takes {} as well, so that reads and writes there wait while it waits for its \
             locks.",
            listed(&others)
        ));
        help.push_str(
            " Drop the foreign keys before, each in a transaction of its own, and DETACH a \
             partition CONCURRENTLY.",
        );
    }
    vec![
        RULE.finding(context.statement.span, message)
            .with_help(help),
    ]
}

/// Whether the same transaction makes a relation of that name again.
fn comes_back(context: &Context<'_>, name: &ObjectName) -> bool {
    context.transaction.is_some() && context.file.end().has_relation(name)
}

/// Whether a table goes along as a part of one that is named.
fn is_part_of(context: &Context<'_>, table: &ObjectName, named: &[ObjectName]) -> bool {
    named.iter().any(|name| {
        let family = context.before.family(name);
        family.into_iter().any(|member| member.name == *table)
    })
}
