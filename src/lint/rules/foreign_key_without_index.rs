//! `foreign-key-without-index`: deleting a referenced row reads the whole referencing table.

use crate::{
    catalog::{Constraint, ConstraintKind, Table},
    diagnostic::Diagnostic,
    ident::{Ident, ObjectName},
    lint::{File, context::Context, rule::Rule},
    parse::{StatementKind, statement::AlterActionKind},
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
            let new: Vec<(ObjectName, Ident)> = added(&context);
            let found = new.into_iter().filter_map(|(table, name)| {
                let table = file.end().tables.get(&table)?;
                uncovered(&context, table, table.constraint(&name)?)
            });
            found.collect::<Vec<_>>()
        })
        .collect()
}

/// The foreign keys that a statement adds.
fn added(context: &Context<'_>) -> Vec<(ObjectName, Ident)> {
    let name = match &context.statement.kind {
        StatementKind::CreateTable(create) => context.after.resolve(&create.name),
        StatementKind::AlterRelation(alter) => {
            let adds = alter.actions.iter().any(|action| {
                matches!(
                    action.kind,
                    AlterActionKind::AddConstraint(_) | AlterActionKind::AddColumn { .. }
                )
            });
            if !adds {
                return Vec::new();
            }
            context.before.resolve(&alter.name)
        }
        StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_)
        | StatementKind::Opaque(_) => return Vec::new(),
    };
    let before = context.before.tables.get(&name);
    let Some(after) = context.after.tables.get(&name) else {
        return Vec::new();
    };
    after
        .constraints
        .iter()
        .filter(|constraint| matches!(constraint.kind, ConstraintKind::ForeignKey { .. }))
        .filter(|constraint| {
            before.is_none_or(|before| before.constraint(&constraint.name).is_none())
        })
        .map(|constraint| (name.clone(), constraint.name.clone()))
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
