//! `enum-value-used`: a new label of an enum is used before the transaction that added it ends.

use crate::{
    catalog::{UserTypeKind, types},
    diagnostic::Diagnostic,
    ident::{ObjectName, quote_literal},
    lint::{context::Context, parts, rule::Rule},
    parse::{
        StatementKind,
        statement::{DataKind, TypeAction, Utility},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "enum-value-used",
    include_str!("../../../lints/enum-value-used.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(transaction) = context.transaction else {
        return Vec::new();
    };
    let Some(opened) = context.file.context(transaction.first) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for at in transaction.first..context.at {
        let Some(earlier) = context.file.context(at) else {
            continue;
        };
        let Some(Utility::AlterType(alter)) = earlier.utility() else {
            continue;
        };
        let name = types::user_type_name(&alter.name, earlier.before);
        // The labels of an enum that the transaction made itself can be used at once.
        if !opened.before.types.contains_key(&name) && opened.before.complete {
            continue;
        }
        for action in &alter.actions {
            let TypeAction::AddValue { value, .. } = action else {
                continue;
            };
            if has_label(&earlier, &name, value) || !uses(context, &name, value) {
                continue;
            }
            let message = format!(
                "This fails with `unsafe use of new value {} of enum type {}`: the transaction \
                 that adds a label cannot use it.",
                value,
                name.short()
            );
            let help = if transaction.begin.is_some() {
                format!(
                    "COMMIT behind `ALTER TYPE {} ADD VALUE`, and use the label in the next \
                     transaction.",
                    alter.name
                )
            } else {
                format!(
                    "Put `ALTER TYPE {} ADD VALUE` into a file of its own that is run before this \
                     one; `zdm apply` runs each statement in a transaction of its own.",
                    alter.name
                )
            };
            found.push(
                RULE.finding(context.statement.span, message)
                    .with_help(help)
                    .with_label(earlier.statement.span, "the label is added here"),
            );
        }
    }
    found.truncate(1);
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
