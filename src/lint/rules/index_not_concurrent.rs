//! `index-not-concurrent`: an index is built while writes of its table wait.

use crate::{
    diagnostic::Diagnostic,
    lint::{context::Context, rule::Rule},
    parse::StatementKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "index-not-concurrent",
    include_str!("../../../lints/index-not-concurrent.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let StatementKind::CreateIndex(index) = &context.statement.kind else {
        return Vec::new();
    };
    let Some(scan) = context.blocking_scan(context.effects) else {
        return Vec::new();
    };
    let table = &scan.relation;
    let partitioned = context
        .before
        .tables
        .get(&context.before.resolve(&index.table))
        .is_some_and(|table| table.partition_key.is_some());
    let help = if partitioned {
        "Create the index ON ONLY the partitioned table, build it CONCURRENTLY on each partition, \
         and attach those: `zdm plan` does this."
            .to_owned()
    } else {
        format!(
            "Build it with `CREATE {}INDEX CONCURRENTLY`, outside of a transaction, or let \
             `zdm plan` do that.",
            if index.unique { "UNIQUE " } else { "" }
        )
    };
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "This builds an index while it holds {} on {}{}: {} until all rows are read and \
                 sorted.",
                scan.under,
                table.short(),
                context.size_in_words(table),
                context.who_waits(table, scan.under),
            ),
        )
        .with_help(help),
    ]
}
