//! `live-trigger`: a trigger or rule begins or ends to act on the writes of clients.

use crate::{
    diagnostic::{Diagnostic, Level},
    effects::LockMode,
    ident::{Ident, ObjectName},
    lint::{
        context::{Context, who},
        parts::excerpt,
        rule::Rule,
    },
    parse::{
        Statement,
        statement::{DropKind, RuleEvent, TriggerEvent, TriggerTiming, Utility},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "live-trigger",
    include_str!("../../../lints/live-trigger.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if let Some(drop) = context.drop() {
        let what = match drop.kind {
            DropKind::Trigger => "trigger",
            DropKind::Rule => "rule",
            _ => return Vec::new(),
        };
        let (Some(on), Some(name)) = (&drop.on, drop.names.first()) else {
            return Vec::new();
        };
        let table = context.before.resolve(on);
        return dropped(context, what, &name.name, &table);
    }
    match context.utility() {
        Some(Utility::CreateTrigger(create)) => {
            let table = context.before.resolve(&create.table);
            let Some(mode) = lock(context, &table) else {
                return Vec::new();
            };
            let events: Vec<&str> = create
                .events
                .iter()
                .map(|event| match event {
                    TriggerEvent::Insert => "INSERT",
                    TriggerEvent::Delete => "DELETE",
                    TriggerEvent::Update(_) => "UPDATE",
                    TriggerEvent::Truncate => "TRUNCATE",
                })
                .collect();
            let when = match create.timing {
                TriggerTiming::Before => "before",
                TriggerTiming::After => "after",
                TriggerTiming::InsteadOf => "instead of",
            };
            let each = if create.each_row { " of a row" } else { "" };
            vec![
                RULE.finding(
                    context.statement.span,
                    format!(
                        "{} runs {when} every {}{each} of {} from now on, those of the running \
                         application too: what it costs and what it raises, they pay and get. {}",
                        create.function,
                        events.join(" and "),
                        table.short(),
                        waits(&table, mode),
                    ),
                )
                .with_help(
                    "Release an application first that bears it, and set a short `lock_timeout`: \
                     `zdm apply` does the latter.",
                ),
            ]
        }
        Some(Utility::CreateRule(create)) => {
            let table = context.before.resolve(&create.table);
            let Some(mode) = lock(context, &table) else {
                return Vec::new();
            };
            let event = match create.event {
                RuleEvent::Select => "SELECT",
                RuleEvent::Insert => "INSERT",
                RuleEvent::Update => "UPDATE",
                RuleEvent::Delete => "DELETE",
            };
            let how = if create.instead {
                "does something else instead"
            } else {
                "does something else besides"
            };
            vec![
                RULE.finding_at(
                    Level::Warning,
                    context.statement.span,
                    format!(
                        "Every {event} on {} of the running application is rewritten from now on \
                         and {how}: RETURNING, row counts and volatile expressions change their \
                         meaning. {}",
                        table.short(),
                        waits(&table, mode),
                    ),
                )
                .with_help("Use a trigger: it sees rows, and no query is rewritten."),
            ]
        }
        Some(_) | None => Vec::new(),
    }
}

fn dropped(
    context: &Context<'_>,
    what: &str,
    name: &Ident,
    table: &ObjectName,
) -> Vec<Diagnostic> {
    let Some(mode) = lock(context, table) else {
        return Vec::new();
    };
    let again = (context.at + 1..context.file.script.statements.len()).find(|at| {
        let statement = context.file.script.statements.get(*at);
        statement.is_some_and(|statement| makes(context, statement, name, table))
    });
    let (message, help) = match (again, context.transaction) {
        (Some(_), Some(_)) => (
            format!("The {what} {name} of {} is made anew. {}", table.short(), waits(table, mode)),
            replace(what),
        ),
        (Some(at), None) => (
            format!(
                "Writes of {} that clients do between this and `{}` go without the {what} {name}. {}",
                table.short(),
                excerpt(context.file, at),
                waits(table, mode)
            ),
            replace(what),
        ),
        (None, _) => (
            format!(
                "The {what} {name} no longer acts on writes of {} from now on. {}",
                table.short(),
                waits(table, mode)
            ),
            "Make sure that no application relies on it, and set a short `lock_timeout`: `zdm \
             apply` does the latter.",
        ),
    };
    vec![
        RULE.finding(context.statement.span, message)
            .with_help(help),
    ]
}

fn replace(what: &str) -> &'static str {
    if what == "trigger" {
        "Use `CREATE OR REPLACE TRIGGER` alone: it takes SHARE ROW EXCLUSIVE, so that reads go on, \
         and leaves no gap."
    } else {
        "Use `CREATE OR REPLACE RULE` alone: it leaves no gap."
    }
}

/// Whether a statement makes the trigger or rule.
fn makes(context: &Context<'_>, statement: &Statement, name: &Ident, table: &ObjectName) -> bool {
    match statement.utility() {
        Some(Utility::CreateTrigger(create)) => {
            create.name == *name && context.before.resolve(&create.table) == *table
        }
        Some(Utility::CreateRule(create)) => {
            create.name == *name && context.before.resolve(&create.table) == *table
        }
        Some(_) | None => false,
    }
}

/// The lock on a table that has clients.
fn lock(context: &Context<'_>, table: &ObjectName) -> Option<LockMode> {
    if context.is_new(table) || context.before.views.contains_key(table) {
        return None;
    }
    context.effects.lock_on(table)
}

fn waits(table: &ObjectName, mode: LockMode) -> String {
    format!(
        "It takes {mode}: while it waits for that, {} of {} wait behind it.",
        who(mode),
        table.short()
    )
}
