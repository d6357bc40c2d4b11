//! `enum-value-used`: a new label of an enum is used before the transaction that added it ends.

use crate::{
    catalog::{PgVersion, UserTypeKind, types},
    diagnostic::Diagnostic,
    ident::{ObjectName, QualifiedName, quote_literal},
    lint::{context::Context, file::File, parts, rule::Rule},
    parse::{
        StatementKind,
        statement::{DataKind, TypeAction, Utility},
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::file(
    "enum-value-used",
    include_str!("../../../lints/enum-value-used.md"),
    check,
);

/// A label that the transaction has added.
struct Added<'a> {
    name: ObjectName,
    written: &'a QualifiedName,
    label: &'a str,
    place: Span,
}

fn check(file: &File<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut first = None;
    let mut added: Vec<Added<'_>> = Vec::new();
    for context in file.contexts() {
        let Some(transaction) = context.transaction else {
            added.clear();
            continue;
        };
        if first != Some(transaction.first) {
            first = Some(transaction.first);
            added.clear();
        }
        let used = added
            .iter()
            .find(|added| uses(&context, &added.name, added.label));
        if let Some(used) = used {
            let message = format!(
                "This fails with `unsafe use of new value {} of enum type {}`: the transaction \
                 that adds a label cannot use it.",
                used.label,
                used.name.short()
            );
            let help = if transaction.begin.is_some() && context.block.is_none() {
                format!(
                    "COMMIT behind `ALTER TYPE {} ADD VALUE`, and use the label in the next \
                     transaction.",
                    used.written
                )
            } else {
                format!(
                    "Put `ALTER TYPE {} ADD VALUE` into a file of its own that is run before this \
                     one; `zdm apply` runs each statement in a transaction of its own.",
                    used.written
                )
            };
            found.push(
                RULE.finding(context.statement.span, message)
                    .with_help(help)
                    .with_label(used.place, "the label is added here"),
            );
        }
        let Some(Utility::AlterType(alter)) = context.utility() else {
            continue;
        };
        let name = types::user_type_name(&alter.name, context.before);
        // From 17 on, the labels of an enum that the transaction made itself can be used at once
        // (`EnumTypeUncommitted` in src/backend/catalog/pg_enum.c).
        let opened = file.context(transaction.first);
        if context.before.version >= PgVersion::V17 && opened.is_some_and(|opened| {
            !opened.before.types.contains_key(&name) && opened.before.complete
        }) {
            continue;
        }
        for action in &alter.actions {
            if let TypeAction::AddValue { value, .. } = action
                && !has_label(&context, &name, value)
            {
                added.push(Added {
                    name: name.clone(),
                    written: &alter.name,
                    label: value,
                    place: context.statement.span,
                });
            }
        }
    }
    found
}

/// Whether the enum has the label already, so that adding it does nothing or fails.
fn has_label(context: &Context<'_>, name: &ObjectName, label: &str) -> bool {
    context.before.types.get(name).is_some_and(|ty| match &ty.kind {
        UserTypeKind::Enum { labels } => labels.iter().any(|known| known == label),
        UserTypeKind::Domain { .. } | UserTypeKind::Composite | UserTypeKind::Other => false,
    })
}

/// Whether the statement says the label where a value of the enum is wanted: it names the type,
/// or touches a table and a column of that type.
fn uses(context: &Context<'_>, name: &ObjectName, label: &str) -> bool {
    if !context.text().contains(&quote_literal(label)) || is_other_label(context) {
        return false;
    }
    if context.says(name.name.as_str()) {
        return true;
    }
    let inserts = context
        .data()
        .is_some_and(|data| matches!(data.kind, DataKind::Insert));
    parts::users_of_type(context.before, name)
        .into_iter()
        .any(|(table, columns)| {
            context.effects.lock_on(&table.name).is_some()
                && (inserts || columns.iter().any(|column| context.says(column)))
        })
}

/// Whether the statement is about labels, comments or settings, and not about values. The body of
/// a function is text, but for one in SQL.
fn is_other_label(context: &Context<'_>) -> bool {
    match &context.statement.kind {
        StatementKind::Opaque(_) => match context.utility() {
            Some(Utility::AlterType(_) | Utility::Comment(_) | Utility::Grant(_)) => true,
            Some(Utility::CreateFunction(function)) => function
                .language
                .as_ref()
                .is_some_and(|language| language.as_str() != "sql"),
            Some(_) | None => false,
        },
        StatementKind::Transaction(_) | StatementKind::Set(_) | StatementKind::Drop(_) => true,
        StatementKind::AlterRelation(_)
        | StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_) => false,
    }
}
