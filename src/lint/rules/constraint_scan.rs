//! `constraint-scan`: a CHECK or FOREIGN KEY is validated while clients wait.

use crate::{
    diagnostic::Diagnostic,
    effects::Scan,
    ident::Ident,
    lint::{context::Context, rule::Rule},
    parse::{
        StatementKind,
        statement::{AlterActionKind, ColumnConstraintKind, TableConstraintKind},
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule {
    name: "constraint-scan",
    page: include_str!("../../../lints/constraint-scan.md"),
    check,
};

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
            let scan = context.blocking_scan(alone)?;
            // The lock is the one that the whole command takes: its strongest.
            let scan = context
                .effects
                .scans
                .iter()
                .find(|whole| whole.relation == scan.relation)
                .unwrap_or(scan);
            Some(finding(context, scan, &added, action.span))
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
                | TableConstraintKind::Exclude => return None,
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
    scan: &Scan,
    added: &Added<'_>,
    place: Span,
) -> Diagnostic {
    let table = &scan.relation;
    let name = added
        .name
        .map_or_else(String::new, |name| format!(" {name}"));
    // A foreign key holds up the referenced table too.
    let others: Vec<String> = context
        .effects
        .locks
        .iter()
        .filter(|lock| lock.relation != *table && lock.mode.blocks_writes())
        .filter(|lock| !context.created.contains(&lock.relation))
        .map(|lock| format!("{} on {}", lock.mode, lock.relation.short()))
        .collect();
    let others = if others.is_empty() {
        String::new()
    } else {
        format!(" and {}", others.join(" and "))
    };
    let first = if added.with_column {
        "Add the column alone, then the constraint"
    } else {
        "Add it"
    };
    RULE.finding(
        place,
        format!(
            "This reads every row of {}{} to check {}{name}, while it holds {} on it{others}: {} \
             until the scan ends.",
            table.short(),
            context.size_in_words(table),
            added.what,
            scan.under,
            context.who_waits(table, scan.under),
        ),
    )
    .with_help(format!(
        "{first} as NOT VALID, and VALIDATE CONSTRAINT in a transaction of its own: that reads \
         the rows while clients read and write. `zdm plan` does this."
    ))
}
