//! `domain-constraint-scan`: a domain's constraint is checked in every table that uses the domain.

use crate::{
    diagnostic::Diagnostic,
    ident::ObjectName,
    lint::{
        context::{Context, listed, who},
        rule::Rule,
        words,
    },
    parse::statement::{DomainAction, Utility},
};

pub(super) const RULE: Rule = Rule::statement(
    "domain-constraint-scan",
    include_str!("../../../lints/domain-constraint-scan.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(Utility::AlterDomain(alter)) = context.utility() else {
        return Vec::new();
    };
    let work = context.blocking_work(context.effects);
    let Some(strongest) = work.iter().map(|work| work.under).max() else {
        return Vec::new();
    };
    let mut tables: Vec<&ObjectName> = work.iter().map(|work| work.relation).collect();
    tables.sort();
    tables.dedup();
    let of: Vec<String> = tables.iter().map(|table| table.short()).collect();
    let all = if tables.len() > 1 {
        "the last of them is read"
    } else {
        "all rows are read"
    };
    let help = match &alter.action {
        DomainAction::AddConstraint(_) => {
            "Add it as NOT VALID, which holds for new values and reads no row, and prove it for \
             the rows that are there with a CHECK on each column: NOT VALID, then VALIDATE \
             CONSTRAINT, which lets clients write."
        }
        DomainAction::ValidateConstraint(_) => {
            "Leave it NOT VALID, which holds for all new values, and prove it for the rows that \
             are there with a CHECK on each column: NOT VALID, then VALIDATE CONSTRAINT, which \
             lets clients write."
        }
        DomainAction::SetNotNull
        | DomainAction::SetDefault(_)
        | DomainAction::DropDefault
        | DomainAction::DropNotNull
        | DomainAction::DropConstraint { .. }
        | DomainAction::RenameConstraint { .. }
        | DomainAction::OwnerTo(_)
        | DomainAction::RenameTo(_)
        | DomainAction::SetSchema(_) => {
            "Make the columns NOT NULL instead of the domain: `CHECK (… IS NOT NULL) NOT VALID`, \
             VALIDATE CONSTRAINT, then SET NOT NULL, which then reads nothing."
        }
    };
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "This reads every row of {}, because columns there have the domain {}, while it \
                 holds {}: {} of {} wait until {all}.",
                context.named(tables.iter().copied()),
                alter.name,
                words::holds(words::pairs(&work)),
                who(strongest),
                listed(&of),
            ),
        )
        .with_help(help),
    ]
}
