//! `set-not-null-scan`: every row is read under ACCESS EXCLUSIVE to prove that none is NULL.

use crate::{
    diagnostic::Diagnostic,
    effects::Scan,
    ident::Ident,
    lint::{context::Context, rule::Rule},
    parse::{
        StatementKind,
        statement::{AlterActionKind, ColumnAction, TableConstraintKind},
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "set-not-null-scan",
    include_str!("../../../lints/set-not-null-scan.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let StatementKind::AlterRelation(alter) = &context.statement.kind else {
        return Vec::new();
    };
    let Some(scan) = context.blocking_scan(context.effects) else {
        return Vec::new();
    };
    // The scan of the whole statement is another subcommand's when that one would scan alone and
    // this one would not. When neither would, they spoil each other: a CHECK that is dropped by
    // the same command proves nothing.
    let explained = alter
        .actions
        .iter()
        .zip(context.actions)
        .any(|(action, alone)| {
            column_made_not_null(&action.kind).is_none() && context.blocking_scan(alone).is_some()
        });
    alter
        .actions
        .iter()
        .zip(context.actions)
        .filter_map(|(action, alone)| {
            let column = column_made_not_null(&action.kind)?;
            let nullable = context
                .before
                .table(&alter.name)
                .and_then(|table| table.column(column))
                .is_none_or(|column| !column.not_null);
            let scans = context.blocking_scan(alone).is_some() || (nullable && !explained);
            scans.then(|| finding(context, scan, column, action.span))
        })
        .collect()
}

/// The column that a subcommand makes NOT NULL, rows and all.
fn column_made_not_null(action: &AlterActionKind) -> Option<&Ident> {
    match action {
        AlterActionKind::AlterColumn {
            name,
            action: ColumnAction::SetNotNull,
        } => Some(name),
        AlterActionKind::AddConstraint(constraint) => match &constraint.kind {
            TableConstraintKind::NotNull(column) => Some(column),
            TableConstraintKind::Check(_)
            | TableConstraintKind::Key(_)
            | TableConstraintKind::KeyUsingIndex { .. }
            | TableConstraintKind::ForeignKey { .. }
            | TableConstraintKind::Exclude(_) => None,
        },
        _ => None,
    }
}

fn finding(
    context: &Context<'_>,
    scan: &Scan,
    column: &Ident,
    place: Span,
) -> Diagnostic {
    let table = &scan.relation;
    RULE.finding(
        place,
        format!(
            "This reads every row of {}{} to prove that {column} is never NULL, while it holds {}: \
             {} until the scan ends.",
            table.short(),
            context.size_in_words(table),
            scan.under,
            context.who_waits(table, scan.under),
        ),
    )
    .with_help(format!(
        "First add `CHECK ({column} IS NOT NULL) NOT VALID` and validate it in a transaction of \
         its own; SET NOT NULL then reads nothing. `zdm plan` does this, and fills NULLs when \
         given `-- zdm: up <expression>`."
    ))
}
