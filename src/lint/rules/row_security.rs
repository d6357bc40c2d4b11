//! `row-security`: which rows clients see and may write changes.

use crate::{
    catalog::Table,
    diagnostic::{Diagnostic, Level},
    ident::ObjectName,
    lint::{context::Context, rule::Rule},
    parse::statement::{AlterActionKind, DropKind, RowSecurity, Utility},
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "row-security",
    include_str!("../../../lints/row-security.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if let Some(alter) = context.alter() {
        let table = context.before.resolve(&alter.name);
        let found = alter.actions.iter().filter_map(|action| match action.kind {
            AlterActionKind::RowSecurity(change) => switched(context, &table, change, action.span),
            _ => None,
        });
        return found.collect();
    }
    let at = context.statement.span;
    match context.utility() {
        Some(Utility::CreatePolicy(create)) => {
            let table = context.before.resolve(&create.table);
            if !restricts(context, &table) {
                return Vec::new();
            }
            if create.permissive {
                let message = format!(
                    "Policy {} lets more rows of {} through from now on.",
                    create.name,
                    table.short()
                );
                return vec![said(context, Level::Info, at, &table, &message, GRANTS)];
            }
            let message = format!(
                "Rows of {} that the restrictive policy {} excludes vanish for the running \
                 application, and writes of such rows fail.",
                table.short(),
                create.name
            );
            vec![said(context, RULE.level(), at, &table, &message, RELEASE)]
        }
        Some(Utility::AlterPolicy(alter)) => {
            let table = context.before.resolve(&alter.table);
            if !restricts(context, &table) {
                return Vec::new();
            }
            let message = format!(
                "Policy {} decides anew from now on which rows of {} the running application sees \
                 and may write.",
                alter.name,
                table.short()
            );
            vec![said(context, RULE.level(), at, &table, &message, RELEASE)]
        }
        Some(_) | None => dropped(context),
    }
}

fn dropped(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(drop) = context.drop().filter(|drop| drop.kind == DropKind::Policy) else {
        return Vec::new();
    };
    let (Some(on), Some(name)) = (&drop.on, drop.names.first()) else {
        return Vec::new();
    };
    let table = context.before.resolve(on);
    let there = context.before.tables.get(&table).is_none_or(|known| {
        known.policies.iter().any(|policy| policy.name == name.name)
    });
    if !there || !restricts(context, &table) {
        return Vec::new();
    }
    let left = policies(context, &table);
    let message = if left == Some(0) {
        format!(
            "{} is left without a policy: the running application sees no row of it from now on, \
             unless it is the owner, and cannot write any.",
            table.short()
        )
    } else {
        format!(
            "Rows of {} that only policy {} let through vanish for the running application.",
            table.short(),
            name.name
        )
    };
    vec![said(
        context,
        RULE.level(),
        context.statement.span,
        &table,
        &message,
        "Make the policy that replaces it first, or in the same transaction.",
    )]
}

const RELEASE: &str = "Release an application first that works with the rows which are left, and \
     try the policy with `SET ROLE` in a transaction that is rolled back.";
const GRANTS: &str = "Look at who is granted what on the table: a policy widens what each of these \
     roles reaches.";

fn switched(
    context: &Context<'_>,
    table: &ObjectName,
    change: RowSecurity,
    place: Span,
) -> Option<Diagnostic> {
    let known = context.before.tables.get(table);
    if context.is_new(table) {
        return None;
    }
    let is = |fact: fn(&Table) -> bool| known.is_some_and(fact);
    let (message, help) = match change {
        RowSecurity::Enable if is(|table| table.row_security) => return None,
        RowSecurity::Force if is(|table| table.force_row_security) => return None,
        RowSecurity::Disable if known.is_some_and(|table| !table.row_security) => return None,
        RowSecurity::NoForce => return None,
        RowSecurity::Enable | RowSecurity::Force => {
            let whom = if change == RowSecurity::Force {
                "the owner too"
            } else {
                "everyone but its owner"
            };
            if policies(context, table) == Some(0) {
                (
                    format!(
                        "{} has no policy: {whom} sees no row of it from now on and cannot write \
                         any.",
                        table.short()
                    ),
                    "Make the policies first, or in the same transaction.",
                )
            } else {
                (
                    format!(
                        "Rows of {} that no policy lets through vanish from now on for {whom}, and \
                         writes of such rows fail.",
                        table.short()
                    ),
                    RELEASE,
                )
            }
        }
        RowSecurity::Disable => (
            format!(
                "Every role that may read {} sees all of its rows from now on.",
                table.short()
            ),
            "Revoke what those roles may not see first.",
        ),
    };
    Some(said(context, RULE.level(), place, table, &message, help))
}

fn said(
    context: &Context<'_>,
    level: Level,
    place: Span,
    table: &ObjectName,
    message: &str,
    help: &str,
) -> Diagnostic {
    let lock = context.effects.lock_on(table).map_or_else(String::new, |mode| {
        format!(
            " It takes {mode}: while it waits for that, reads and writes of {} wait behind it.",
            table.short()
        )
    });
    RULE.finding_at(level, place, format!("{message}{lock}"))
        .with_help(help)
}

/// Whether policies of the table decide for clients now.
fn restricts(context: &Context<'_>, table: &ObjectName) -> bool {
    !context.is_new(table)
        && context
            .before
            .tables
            .get(table)
            .is_some_and(|table| table.row_security)
}

/// How many policies the table has when clients see it again: at the end of the transaction.
fn policies(context: &Context<'_>, table: &ObjectName) -> Option<usize> {
    let then = match context.transaction {
        Some(transaction) => context
            .file
            .contexts_from(context.at)
            .take_while(|later| later.transaction == Some(transaction))
            .last()
            .map_or(context.after, |last| last.after),
        None => context.after,
    };
    Some(then.tables.get(table)?.policies.len())
}
