//! `constraint-scan`: a CHECK or FOREIGN KEY is validated while clients wait.

use crate::{
    diagnostic::Diagnostic,
    effects::LockMode,
    ident::{Ident, ObjectName},
    lint::{context::Context, rule::Rule, rules::add_column_not_null},
    parse::{
        StatementKind,
        statement::{AlterActionKind, ColumnConstraintKind, TableConstraintKind},
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "constraint-scan",
    include_str!("../../../lints/constraint-scan.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let StatementKind::AlterRelation(alter) = &context.statement.kind else {
        return Vec::new();
    };
    alter
        .actions
        .iter()
        .zip(context.actions)
        .filter_map(|(action, alone)| {
            let added = added(&action.kind)?;
            // A column that fails or is written anew is what the rules on columns speak of.
            if let AlterActionKind::AddColumn { column, .. } = &action.kind
                && (!alone.rewrites.is_empty() || add_column_not_null::fails(column, alone))
            {
                return None;
            }
            let mut tables: Vec<&ObjectName> = context
                .blocking_scans(alone)
                .map(|scan| &scan.relation)
                .collect();
            // The altered table first: it is the one that people know the statement by.
            let own = context.before.resolve(&alter.name);
            tables.sort_by_key(|table| **table != own);
            tables.dedup();
            (!tables.is_empty()).then(|| finding(context, &tables, &added, action.span))
        })
        .collect()
}

/// What a subcommand adds.
struct Added<'a> {
    what: &'static str,
    name: Option<&'a Ident>,
    with_column: bool,
}

fn added(action: &AlterActionKind) -> Option<Added<'_>> {
    match action {
        AlterActionKind::AddConstraint(constraint) => {
            let what = match &constraint.kind {
                TableConstraintKind::Check(_) => "CHECK",
                TableConstraintKind::ForeignKey { .. } => "FOREIGN KEY",
                TableConstraintKind::NotNull(_)
                | TableConstraintKind::Key(_)
                | TableConstraintKind::KeyUsingIndex { .. }
                | TableConstraintKind::Exclude(_) => return None,
            };
            Some(Added {
                what,
                name: constraint.name.as_ref(),
                with_column: false,
            })
        }
        AlterActionKind::AddColumn { column, .. } => {
            column.constraints.iter().find_map(|constraint| {
                let what = match &constraint.kind {
                    ColumnConstraintKind::Check(_) => "CHECK",
                    ColumnConstraintKind::References(_) => "FOREIGN KEY",
                    ColumnConstraintKind::NotNull
                    | ColumnConstraintKind::Null
                    | ColumnConstraintKind::Default(_)
                    | ColumnConstraintKind::Unique { .. }
                    | ColumnConstraintKind::PrimaryKey
                    | ColumnConstraintKind::Generated { .. }
                    | ColumnConstraintKind::Identity { .. } => return None,
                };
                Some(Added {
                    what,
                    name: constraint.name.as_ref(),
                    with_column: true,
                })
            })
        }
        _ => None,
    }
}

fn finding(
    context: &Context<'_>,
    tables: &[&ObjectName],
    added: &Added<'_>,
    place: Span,
) -> Diagnostic {
    let name = added
        .name
        .map_or_else(String::new, |name| format!(" {name}"));
    let read: Vec<String> = tables
        .iter()
        .map(|table| format!("{}{}", table.short(), context.size_in_words(table)))
        .collect();
    // The lock is the one that the whole command takes: its strongest.
    let held: Vec<String> = tables
        .iter()
        .filter_map(|table| Some((table, context.effects.lock_on(table)?)))
        .map(|(table, mode)| format!("{mode} on {}", table.short()))
        .collect();
    let strongest = tables
        .iter()
        .filter_map(|table| context.effects.lock_on(table))
        .max();
    let who = if strongest.is_some_and(LockMode::blocks_reads) {
        "reads and writes"
    } else {
        "writes"
    };
    let of: Vec<String> = tables.iter().map(|table| table.short()).collect();
    let first = if added.with_column {
        "Add the column alone, then the constraint"
    } else {
        "Add it"
    };
    RULE.finding(
        place,
        format!(
            "This reads every row of {} to check {}{name}, while it holds {}: {who} of {} wait until that ends.",
            read.join(" and "),
            added.what,
            held.join(" and "),
            of.join(" and "),
        ),
    )
    .with_help(format!(
        "{first} as NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own: that reads \
         the rows while clients read and write. `zdm plan` does this."
    ))
}
