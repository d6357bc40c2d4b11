//! A `lock_timeout` for statements that would wait for a strong lock without end, and none for the
//! index that is built CONCURRENTLY.
//!
//! In a transaction `SET LOCAL` holds to its end. Outside of one, `SET` is taken back with `RESET`
//! behind the last statement that needs it, so that what follows, in this file or in the next one
//! on the same connection, runs as it did: an index that is built CONCURRENTLY or a row that is
//! waited for must not be cut short. Where the file sets a timeout of its own, that is switched off
//! for the index, and set again behind it.

use crate::{
    fix::{Edit, assemble::end_of},
    lint::{
        Context, File, Finding,
        timeout::{Scope, Timeout},
    },
    parse::{Statement, StatementKind},
    source::Span,
};

/// The rules whose findings this answers.
const UNBOUNDED: &str = "no-lock-timeout";
const CUT_SHORT: &str = "concurrently-under-timeout";

/// What the rule's help says, too.
const SET: &str = "lock_timeout = '2s'";

/// The edits that bound what a rule found about a statement, or that let it take its time, in the
/// order of the text.
pub(super) fn edits(context: &Context<'_>, findings: &[Finding]) -> Option<Vec<Edit>> {
    let found = |rule: &str| {
        findings
            .iter()
            .any(|finding| finding.statement == Some(context.at) && finding.diagnostic.rule == rule)
    };
    if found(CUT_SHORT) {
        return without(context);
    }
    // A file that says 0 means it.
    if !found(UNBOUNDED) || context.timeouts.lock.is_some() {
        return None;
    }
    let (file, at) = (context.file, context.at);
    if context.transaction.is_some() {
        return Some(vec![before(file, at, &format!("SET LOCAL {SET}"))?]);
    }
    let last = last_of_run(file, at);
    Some(vec![
        before(file, at, &format!("SET {SET}"))?,
        behind(file, last, "RESET lock_timeout")?,
    ])
}

/// The timeouts of the session switched off for one statement, and set again as the file did.
fn without(context: &Context<'_>) -> Option<Vec<Edit>> {
    let (file, at) = (context.file, context.at);
    let timeouts = [
        ("lock_timeout", context.timeouts.lock),
        ("statement_timeout", context.timeouts.statement),
    ];
    let set: Vec<(&str, Timeout)> = timeouts
        .into_iter()
        .filter_map(|(name, timeout)| Some((name, timeout?)))
        .filter(|(_, timeout)| timeout.is_on())
        .collect();
    // What cannot run in a transaction has no setting that ends with one.
    let lasting = |(_, timeout): &(&str, Timeout)| timeout.scope == Scope::Session;
    if set.is_empty() || context.transaction.is_some() || !set.iter().all(lasting) {
        return None;
    }
    let mut edits = Vec::new();
    for (name, _) in &set {
        edits.push(before(file, at, &format!("SET {name} = 0"))?);
    }
    for (_, timeout) in &set {
        edits.push(behind(file, at, context.slice(timeout.span))?);
    }
    Some(edits)
}

/// The last statement that needs the setting, with none between that must not have it.
fn last_of_run(file: &File<'_>, at: usize) -> usize {
    let mut last = at;
    for context in file.contexts_from(at + 1) {
        let ends = context.effects.outside_transaction
            || context.transaction.is_some()
            || may_wait_for_rows(context.statement);
        if ends {
            break;
        }
        if context.strong_locks().next().is_some() {
            last = context.at;
        }
    }
    last
}

/// A `lock_timeout` counts for locks on rows as well (manual, "lock_timeout").
fn may_wait_for_rows(statement: &Statement) -> bool {
    match &statement.kind {
        StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => true,
        StatementKind::AlterRelation(_)
        | StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Opaque(_) => false,
    }
}

/// A statement in front of another, and of the directives that are about that one.
fn before(file: &File<'_>, at: usize, sql: &str) -> Option<Edit> {
    let text = file.source.text();
    let start = file.script.statements.get(at)?.span.start;
    let line = text[..start].rfind('\n').map_or(0, |line| line + 1);
    let indent = &text[line..start];
    if !indent.trim().is_empty() {
        return Some(insertion(start, format!("{sql}; ")));
    }
    Some(insertion(
        above_directives(text, line),
        format!("{indent}{sql};\n"),
    ))
}

/// The start of the first directive in the comments directly above a line, or of the line.
fn above_directives(text: &str, line: usize) -> usize {
    let mut found = line;
    let mut from = line;
    while from > 0 {
        let previous = text[..from - 1].rfind('\n').map_or(0, |start| start + 1);
        let Some(comment) = text[previous..from].trim().strip_prefix("--") else {
            break;
        };
        if comment.trim_start().starts_with("zdm:") {
            found = previous;
        }
        from = previous;
    }
    found
}

/// A statement behind another, and behind the comment on its line.
fn behind(file: &File<'_>, at: usize, sql: &str) -> Option<Edit> {
    let text = file.source.text();
    let span = file.script.statements.get(at)?.span;
    let end = end_of(text, span.end);
    let is_ended = text[span.end..end].trim_start().starts_with(';');
    let new_line = text[..end].ends_with('\n');
    Some(match (is_ended, new_line) {
        (true, true) => insertion(end, format!("{sql};\n")),
        (true, false) if text[end..].trim().is_empty() => insertion(end, format!("\n{sql};\n")),
        (true, false) => insertion(end, format!(" {sql};")),
        // The last statement of a file needs no semicolon.
        (false, _) => insertion(span.end, format!(";\n{sql}")),
    })
}

fn insertion(at: usize, text: String) -> Edit {
    Edit {
        span: Span::new(at, at),
        text,
    }
}
