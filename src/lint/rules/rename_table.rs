//! `rename-table`: a relation gets a name or schema that clients do not know.

use crate::{
    diagnostic::Diagnostic,
    ident::ObjectName,
    lint::{context::Context, rule::Rule},
    parse::statement::AlterActionKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "rename-table",
    include_str!("../../../lints/rename-table.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    let name = context.before.resolve(&alter.name);
    let is_index = !context.before.tables.contains_key(&name)
        && (context.before.index(&name).is_some()
            || alter.kind == crate::parse::statement::RelationKind::Index);
    if is_index || context.is_new(&name) || !known(context, &name) {
        return Vec::new();
    }
    let found = alter.actions.iter().filter_map(|action| {
        let to = match &action.kind {
            AlterActionKind::RenameTo(to) => name.sibling(to.clone()),
            AlterActionKind::SetSchema(schema) => {
                ObjectName::new(schema.clone(), name.name.clone())
            }
            _ => return None,
        };
        // In one transaction a view or another table can take the name over.
        if context.transaction.is_some() && context.file.end().has_relation(&name) {
            return None;
        }
        let moved = matches!(action.kind, AlterActionKind::SetSchema(_));
        let fails = if moved {
            format!(
                "fails from now on, unless {} is in its search_path and it names no schema",
                to.schema
            )
        } else {
            "fails from now on".to_owned()
        };
        let new = if moved { to.to_string() } else { to.short() };
        let help = if moved {
            format!(
                "In the same transaction, leave a view behind: `CREATE VIEW {name} AS SELECT * \
                 FROM {to}`; drop it when no application names it any more."
            )
        } else {
            format!(
                "Let `zdm plan` rename it: it lets both names work until contract. By hand, leave \
                 a view behind in the same transaction: `CREATE VIEW {} AS SELECT * FROM {}`.",
                name.short(),
                to.short()
            )
        };
        Some(
            RULE.finding(
                action.span,
                format!(
                    "{}{} is called {new} from now on: every statement of the running application \
                     that names it {fails}.",
                    name.short(),
                    context.size_in_words(&name),
                ),
            )
            .with_help(help),
        )
    });
    found.collect()
}

fn known(context: &Context<'_>, name: &ObjectName) -> bool {
    context.before.has_relation(name) || !context.before.complete
}
