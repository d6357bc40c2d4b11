//! `partition-scan`: a partition is attached or made, and rows are read to see which belong where.

use crate::{
    diagnostic::Diagnostic,
    ident::ObjectName,
    lint::{
        context::{Context, Work, listed, who},
        rule::Rule,
        words,
    },
    parse::statement::AlterActionKind,
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "partition-scan",
    include_str!("../../../lints/partition-scan.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if context.statement.create_table().is_some_and(|create| create.partition_of.is_some()) {
        let work = context.blocking_work(context.effects);
        let span = context.statement.span;
        let found = finding(context, "CREATE TABLE … PARTITION OF", &work, span);
        return found.into_iter().collect();
    }
    context
        .subcommands()
        .filter(|(action, _)| matches!(action.kind, AlterActionKind::AttachPartition { .. }))
        .filter_map(|(action, alone)| {
            let work = context.blocking_work(alone);
            finding(context, "ATTACH PARTITION", &work, action.span)
        })
        .collect()
}

fn finding(
    context: &Context<'_>,
    what: &str,
    work: &[Work<'_>],
    place: Span,
) -> Option<Diagnostic> {
    let strongest = work.iter().map(|work| work.under).max()?;
    let mut reads: Vec<String> = Vec::new();
    let mut helps: Vec<String> = Vec::new();
    let mut tables: Vec<&ObjectName> = Vec::new();
    for work in work {
        let of = work.relation.short();
        reads.push(format!(
            "{of}{} {}",
            context.size_in_words(work.relation),
            work.purpose
        ));
        let help = if work.purpose.contains("default partition") {
            format!(
                "give {of} a CHECK that excludes the new partition's rows, as NOT VALID, and \
                 VALIDATE it"
            )
        } else if work.purpose.contains("bound") {
            format!(
                "give {of} a CHECK that says what the bound says and that the key is not NULL, as \
                 NOT VALID, and VALIDATE it"
            )
        } else if work.purpose.contains("index") {
            format!("build the index on {of} with CREATE INDEX CONCURRENTLY")
        } else {
            "add the foreign key to the table as NOT VALID, and VALIDATE it".to_owned()
        };
        if !helps.contains(&help) {
            helps.push(help);
        }
        if !tables.contains(&work.relation) {
            tables.push(work.relation);
        }
    }
    let held: Vec<_> = tables
        .iter()
        .filter_map(|table| Some((*table, context.effects.lock_on(table)?)))
        .collect();
    let of: Vec<String> = tables.iter().map(|table| table.short()).collect();
    Some(
        RULE.finding(
            place,
            format!(
                "{what} reads every row of {}, while it holds {}: {} of {} wait until that ends.",
                listed(&reads),
                words::holds(held),
                who(strongest),
                listed(&of),
            ),
        )
        .with_help(format!(
            "Before, each in a transaction of its own: {}. Then this reads nothing.",
            listed(&helps)
        )),
    )
}
