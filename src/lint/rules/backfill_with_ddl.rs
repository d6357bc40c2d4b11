//! `backfill-with-ddl`: a file changes a table's shape and fills it, too.

use std::collections::BTreeMap;

use crate::{
    diagnostic::Diagnostic,
    effects::LockMode,
    ident::ObjectName,
    lint::{
        file::File,
        parts::{excerpt, place},
        rule::Rule,
    },
};

pub(super) const RULE: Rule = Rule::file(
    "backfill-with-ddl",
    include_str!("../../../lints/backfill-with-ddl.md"),
    check,
);

fn check(file: &File<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // The first statement that altered a table under a lock which stops clients.
    let mut altered: BTreeMap<&ObjectName, (LockMode, usize)> = BTreeMap::new();
    for context in file.contexts() {
        if let Some(write) = context.bulk_write()
            // In one transaction the lock is really held, and another rule says so.
            && !context.held.iter().any(|held| held.relation == write.table)
            && let Some((mode, step)) = altered.get(&write.table)
        {
            let table = write.table.short();
            let message = format!(
                "This writes rows of {table} in the file that alters it: a runner that puts a file \
                 into one transaction keeps {mode} on {table}, from `{}`, until all rows are \
                 written.",
                excerpt(file, *step)
            );
            let mut finding = RULE.finding(context.statement.span, message).with_help(
                "Put it into a file of its own, that is run after the other one; `zdm plan` takes \
                 both apart by itself.",
            );
            if let Some(place) = place(file, *step) {
                finding = finding.with_label(place, "the table is altered here");
            }
            found.push(finding);
        }
        if context.alter().is_some() {
            for (relation, mode) in context.strong_locks() {
                altered.entry(relation).or_insert((mode, context.at));
            }
        }
    }
    found
}
