//! `composite-change`: the attributes of a composite type change under those who use it.

use crate::{
    catalog::types,
    diagnostic::Diagnostic,
    lint::{
        context::{Context, listed},
        parts,
        rule::Rule,
    },
    parse::statement::{DropBehavior, TypeAction, Utility},
};

pub(super) const RULE: Rule = Rule::statement(
    "composite-change",
    include_str!("../../../lints/composite-change.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(Utility::AlterType(alter)) = context.utility() else {
        return Vec::new();
    };
    let name = types::user_type_name(&alter.name, context.before);
    // What the server refuses changes nothing.
    if context.is_new_type(&name) || context.effects.fails.is_some() {
        return Vec::new();
    }
    let mut changes = Vec::new();
    let mut cascades = false;
    for action in &alter.actions {
        let (change, behavior) = match action {
            TypeAction::AddAttribute { attribute, behavior } => {
                (format!("has the new attribute {}", attribute.name), behavior)
            }
            TypeAction::DropAttribute { name, behavior, .. } => {
                (format!("loses its attribute {name} and all values of it"), behavior)
            }
            TypeAction::AlterAttribute { attribute, behavior } => {
                (format!("has another type for {}", attribute.name), behavior)
            }
            TypeAction::RenameAttribute { from, to, behavior } => {
                (format!("calls its attribute {from} now {to}"), behavior)
            }
            TypeAction::AddValue { .. }
            | TypeAction::RenameValue { .. }
            | TypeAction::RenameTo(_)
            | TypeAction::SetSchema(_)
            | TypeAction::OwnerTo(_)
            | TypeAction::SetOptions(_) => continue,
        };
        cascades |= *behavior == DropBehavior::Cascade;
        changes.push(change);
    }
    if changes.is_empty() {
        return Vec::new();
    }
    let columns = parts::columns_of_type(context.before, &name);
    let mut where_used = vec!["row constructors".to_owned(), "functions".to_owned()];
    if !columns.is_empty() {
        where_used.push(format!("what is read from {}", listed(&columns)));
    }
    let typed = if cascades {
        " Tables made `OF` it change with it, each under ACCESS EXCLUSIVE."
    } else {
        ""
    };
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "The type {} {} from now on: {} have another shape than the running application \
                 expects.{typed}",
                name.short(),
                listed(&changes),
                listed(&where_used),
            ),
        )
        .with_help(format!(
            "Make a new type beside {} and a column of it, and let the application move over; or \
             release an application first that works with both shapes.",
            name.short()
        )),
    ]
}
