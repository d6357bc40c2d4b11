//! `backfill-with-ddl`: a file changes a table's shape and fills it, too.

use crate::{
    diagnostic::Diagnostic,
    lint::{file::File, parts::excerpt, parts::place, rule::Rule},
    parse::StatementKind,
};

pub(super) const RULE: Rule = Rule::file(
    "backfill-with-ddl",
    include_str!("../../../lints/backfill-with-ddl.md"),
    check,
);

fn check(file: &File<'_>) -> Vec<Diagnostic> {
    let found = file.contexts().filter_map(|context| {
        let write = context.bulk_write()?;
        // In one transaction the lock is really held, and another rule says so.
        if context.held.iter().any(|held| held.relation == write.table) {
            return None;
        }
        let alters = file.contexts().take(context.at).find(|earlier| {
            matches!(earlier.statement.kind, StatementKind::AlterRelation(_))
                && earlier
                    .strong_locks()
                    .any(|(relation, _)| *relation == write.table)
        })?;
        let mode = alters.effects.lock_on(&write.table)?;
        let table = write.table.short();
        let found = RULE
            .finding(
                context.statement.span,
                format!(
                    "This writes rows of {table} in the file that alters it: a runner that puts a \
                     file into one transaction keeps {mode} on {table}, from `{}`, until all rows \
                     are written.",
                    excerpt(file, alters.at)
                ),
            )
            .with_help(
                "Put it into a file of its own, that is run after the other one; `zdm plan` takes \
                 both apart by itself.",
            );
        Some(match place(file, alters.at) {
            Some(place) => found.with_label(place, "the table is altered here"),
            None => found,
        })
    });
    found.collect()
}
