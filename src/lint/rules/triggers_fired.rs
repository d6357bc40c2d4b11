//! `triggers-fired`: a statement on many rows runs the users' triggers for each, or reaches other
//! tables through foreign keys.

use crate::{
    catalog::{ConstraintKind, Table, Trigger},
    diagnostic::Diagnostic,
    ident::Ident,
    lint::{
        context::{Context, listed},
        parts::{WriteKind, has_word},
        rule::Rule,
    },
    parse::StatementKind,
};

pub(super) const RULE: Rule = Rule::statement(
    "triggers-fired",
    include_str!("../../../lints/triggers-fired.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(write) = context.bulk_write() else {
        return Vec::new();
    };
    let Some(table) = context.before.tables.get(&write.table) else {
        return Vec::new();
    };
    let triggers: Vec<String> = table
        .triggers
        .iter()
        .filter(|trigger| matches!(trigger.enabled, 'O' | 'A'))
        .filter(|trigger| fires(context, trigger, write.kind))
        .map(|trigger| trigger.name.to_string())
        .collect();
    let cascades = if write.kind == WriteKind::Delete {
        cascades(context, table)
    } else {
        Vec::new()
    };
    let mut sentences = Vec::new();
    if !triggers.is_empty() {
        let (what, it) = if triggers.len() == 1 {
            ("trigger", "it does")
        } else {
            ("triggers", "they do")
        };
        sentences.push(format!(
            "This fires the {what} {} for each row of {} that it writes: what {it} for one row of \
             a client (audit rows, timestamps, notifications) {it} for all of these, in the same \
             transaction.",
            listed(&triggers),
            table.name.short()
        ));
    }
    if !cascades.is_empty() {
        sentences.push(format!(
            "With each deleted row of {} those rows of {} go or change that reference it, and are \
             locked to the end of the transaction.",
            table.name.short(),
            listed(&cascades)
        ));
    }
    if sentences.is_empty() {
        return Vec::new();
    }
    let help = if triggers.is_empty() {
        "See that this is wanted. Else delete the referencing rows first, in batches of their own."
    } else {
        "See that this is wanted. Else run it with `SET LOCAL session_replication_role = replica`, \
         which switches triggers and foreign keys off for this session only, or let the trigger's \
         WHEN look at a setting of yours."
    };
    vec![RULE.finding(context.statement.span, sentences.join(" ")).with_help(help)]
}

/// Whether a write of that kind fires the trigger.
pub(super) fn fires(context: &Context<'_>, trigger: &Trigger, kind: WriteKind) -> bool {
    let on_delete = || has_word(events(&trigger.definition), "delete");
    match kind {
        WriteKind::Update => trigger.on_update && assigns(context, &trigger.columns),
        WriteKind::Delete => on_delete(),
        WriteKind::Insert => trigger.on_insert,
        WriteKind::Merge => trigger.on_insert || trigger.on_update || on_delete(),
    }
}

/// Whether one of the columns of `UPDATE OF` is assigned; without that list any column counts.
fn assigns(context: &Context<'_>, columns: &[Ident]) -> bool {
    if columns.is_empty() {
        return true;
    }
    let StatementKind::Update(update) = &context.statement.kind else {
        return true;
    };
    update.assignments.as_ref().is_none_or(|assignments| {
        assignments
            .iter()
            .any(|(column, _)| columns.contains(column))
    })
}

/// The events of a trigger's definition: what stands before `ON table`.
fn events(definition: &str) -> &str {
    let lower = definition.to_ascii_lowercase();
    let start = ["before ", "after ", "instead of "]
        .into_iter()
        .filter_map(|word| lower.find(word))
        .min()
        .unwrap_or(0);
    let end = lower[start..].find(" on ").map_or(lower.len(), |at| start + at);
    definition.get(start..end).unwrap_or(definition)
}

/// The tables whose rows follow those that are deleted.
fn cascades(context: &Context<'_>, table: &Table) -> Vec<String> {
    let mut found: Vec<String> = context
        .before
        .inbound_foreign_keys(&table.name)
        .into_iter()
        .filter(|(child, _)| !context.is_new(&child.name))
        .filter(|(_, key)| matches!(key.kind, ConstraintKind::ForeignKey { .. }))
        .filter(|(_, key)| {
            let definition = key.definition.to_ascii_uppercase();
            ["CASCADE", "SET NULL", "SET DEFAULT"]
                .into_iter()
                .any(|action| definition.contains(&format!("ON DELETE {action}")))
        })
        .map(|(child, _)| child.name.short())
        .collect();
    found.sort();
    found.dedup();
    found
}
