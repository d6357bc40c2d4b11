//! `type-rename`: a type, a domain or a label of an enum gets a name that clients do not know.

use crate::{
    catalog::types,
    diagnostic::Diagnostic,
    ident::{ObjectName, QualifiedName, quote_literal},
    lint::{
        context::{Context, listed},
        parts,
        rule::Rule,
    },
    parse::statement::{DomainAction, TypeAction, Utility},
};

pub(super) const RULE: Rule = Rule::statement(
    "type-rename",
    include_str!("../../../lints/type-rename.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    match context.utility() {
        Some(Utility::AlterType(alter)) => {
            let name = types::user_type_name(&alter.name, context.before);
            if context.is_new_type(&name) {
                return Vec::new();
            }
            let found = alter.actions.iter().filter_map(|action| match action {
                TypeAction::RenameValue { from, to } => Some(label(context, &name, from, to)),
                TypeAction::RenameTo(to) => {
                    Some(renamed(context, "type", &alter.name, &name.sibling(to.clone())))
                }
                TypeAction::SetSchema(schema) => {
                    let to = ObjectName::new(schema.clone(), name.name.clone());
                    Some(moved(context, "type", &alter.name, &to))
                }
                TypeAction::AddValue { .. }
                | TypeAction::AddAttribute { .. }
                | TypeAction::DropAttribute { .. }
                | TypeAction::AlterAttribute { .. }
                | TypeAction::RenameAttribute { .. }
                | TypeAction::OwnerTo(_)
                | TypeAction::SetOptions(_) => None,
            });
            found.collect()
        }
        Some(Utility::AlterDomain(alter)) => {
            let name = types::user_type_name(&alter.name, context.before);
            if context.is_new_type(&name) {
                return Vec::new();
            }
            match &alter.action {
                DomainAction::RenameTo(to) => {
                    let to = name.sibling(to.clone());
                    vec![renamed(context, "domain", &alter.name, &to)]
                }
                DomainAction::SetSchema(schema) => {
                    let to = ObjectName::new(schema.clone(), name.name.clone());
                    vec![moved(context, "domain", &alter.name, &to)]
                }
                DomainAction::SetDefault(_)
                | DomainAction::DropDefault
                | DomainAction::SetNotNull
                | DomainAction::DropNotNull
                | DomainAction::AddConstraint(_)
                | DomainAction::DropConstraint { .. }
                | DomainAction::RenameConstraint { .. }
                | DomainAction::ValidateConstraint(_)
                | DomainAction::OwnerTo(_) => Vec::new(),
            }
        }
        Some(_) | None => Vec::new(),
    }
}

fn label(context: &Context<'_>, name: &ObjectName, from: &str, to: &str) -> Diagnostic {
    let columns = parts::columns_of_type(context.before, name);
    let read = if columns.is_empty() {
        String::new()
    } else {
        format!(
            ", and what it reads from {} is {} where it expects {}",
            listed(&columns),
            quote_literal(to),
            quote_literal(from)
        )
    };
    RULE.finding(
        context.statement.span,
        format!(
            "Every statement of the running application that says {} fails from now on with \
             `invalid input value for enum {}`{read}.",
            quote_literal(from),
            name.short()
        ),
    )
    .with_help(format!(
        "Add {} as a label of its own with `ALTER TYPE {} ADD VALUE`, teach the application both, \
         update the rows, and leave {} unused: a label cannot be dropped.",
        quote_literal(to),
        name.short(),
        quote_literal(from)
    ))
}

fn renamed(
    context: &Context<'_>,
    what: &str,
    from: &QualifiedName,
    to: &ObjectName,
) -> Diagnostic {
    RULE.finding(
        context.statement.span,
        format!(
            "The {what} {from} is called {} from now on: casts, functions and drivers of the \
             running application that name it fail. Columns of it go on working.",
            to.short()
        ),
    )
    .with_help(format!(
        "Keep the name, or release an application that knows both names first. For casts, \
         `CREATE DOMAIN {from} AS {}` in the same transaction keeps the old name alive.",
        to.short()
    ))
}

fn moved(context: &Context<'_>, what: &str, from: &QualifiedName, to: &ObjectName) -> Diagnostic {
    RULE.finding(
        context.statement.span,
        format!(
            "The {what} {from} is {} from now on: the running application finds it only where {} \
             is in its search_path, and not at all where it names the schema.",
            to, to.schema
        ),
    )
    .with_help(format!(
        "Add {} to the search_path of every role that uses the {what} before it moves.",
        to.schema
    ))
}
