//! `foreign-key-without-index`: deleting a referenced row reads the whole referencing table.

use crate::{
    catalog::{Constraint, ConstraintKind, Table},
    diagnostic::Diagnostic,
    ident::Ident,
    lint::{File, context::Context, made, rule::Rule},
};

pub(super) const RULE: Rule = Rule::file(
    "foreign-key-without-index",
    include_str!("../../../lints/foreign-key-without-index.md"),
    check,
);

/// At the end of the file, so that an index which a later statement makes counts.
fn check(file: &File<'_>) -> Vec<Diagnostic> {
    file.contexts()
        .flat_map(|context| {
            let new = made::foreign_keys(&context).into_iter();
            let found = new.filter_map(|key| {
                let table = file.end().tables.get(&key.table.name)?;
                uncovered(&context, table, table.constraint(&key.constraint.name)?)
            });
            found.collect::<Vec<_>>()
        })
        .collect()
}

fn uncovered(context: &Context<'_>, table: &Table, constraint: &Constraint) -> Option<Diagnostic> {
    let ConstraintKind::ForeignKey {
        columns,
        references,
        ..
    } = &constraint.kind
    else {
        return None;
    };
    let covered = table.indexes.iter().any(|index| {
        index.predicate.is_none()
            && index.keys.len() >= columns.len()
            && index.keys[..columns.len()]
                .iter()
                .all(|key| key.column.as_ref().is_some_and(|name| columns.contains(name)))
    });
    if covered || columns.is_empty() {
        return None;
    }
    let list: Vec<String> = columns.iter().map(Ident::quoted).collect();
    let list = list.join(", ");
    let message = format!(
        "No index of {} begins with {list}: each DELETE of a row of {}, and each UPDATE of its key, \
         reads all of {0} to see that no row references it ({}).",
        table.name.short(),
        references.short(),
        constraint.name,
    );
    Some(
        RULE.finding(context.statement.span, message)
            .with_help(format!(
                "`CREATE INDEX CONCURRENTLY ON {} ({list})`, unless rows of {} are never deleted.",
                table.name.short(),
                references.short()
            )),
    )
}
