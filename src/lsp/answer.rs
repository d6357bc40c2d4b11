//! Findings, hovers and quick fixes in the words of the protocol.

use std::collections::HashMap;
use std::fmt::Write as _;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, Diagnostic, DiagnosticRelatedInformation,
    DiagnosticSeverity, Hover, HoverContents, Location, MarkupContent, MarkupKind, NumberOrString,
    Position, Range, TextEdit, Uri, WorkspaceEdit,
};

use crate::{
    diagnostic::Level,
    effects::Effects,
    fix,
    lint::{File, Finding, rules},
    lsp::{
        folder::Looked,
        positions::{byte, position, range},
    },
    source::Span,
};

/// What was found in a file.
pub(super) fn diagnostics(looked: &Looked, uri: &Uri) -> Vec<Diagnostic> {
    looked
        .findings
        .iter()
        .map(|finding| diagnostic(looked, uri, finding))
        .collect()
}

fn diagnostic(looked: &Looked, uri: &Uri, finding: &Finding) -> Diagnostic {
    let found = &finding.diagnostic;
    let message = match &found.help {
        Some(help) => format!("{}\n{help}", found.message),
        None => found.message.clone(),
    };
    let related = found
        .labels
        .iter()
        .map(|label| DiagnosticRelatedInformation {
            location: Location::new(uri.clone(), range(&looked.source, label.span)),
            message: label.text.clone(),
        });
    Diagnostic {
        range: range(&looked.source, found.span),
        severity: Some(match found.level {
            Level::Error => DiagnosticSeverity::ERROR,
            Level::Warning => DiagnosticSeverity::WARNING,
            Level::Info => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(found.rule.to_string())),
        source: Some("zdm".to_owned()),
        message,
        related_information: Some(related.collect()),
        ..Diagnostic::default()
    }
}

/// What the statement at a place does, what was found of it, and why that matters.
pub(super) fn hover(looked: &Looked, at: Position) -> Option<Hover> {
    let place = byte(&looked.source, at);
    let file = File::follow(&looked.script, &looked.before, &looked.settings);
    let number = file.statement_at(Span::new(place, place))?;
    let context = file.context(number)?;
    if place < context.statement.span.start {
        return None;
    }
    let mut text = in_words(context.effects);
    let mut told: Vec<&str> = Vec::new();
    for finding in &looked.findings {
        let found = &finding.diagnostic;
        if finding.statement != Some(number) {
            continue;
        }
        let _ = write!(
            text,
            "\n---\n**{}** ({})\n\n{}\n",
            found.rule,
            found.level.as_str(),
            found.message
        );
        if let Some(help) = &found.help {
            let _ = write!(text, "\n{help}\n");
        }
        if told.contains(&found.rule.as_str()) {
            continue;
        }
        told.push(&found.rule);
        if let Some(page) = page_of(&found.rule, looked) {
            text.push_str(&page);
        }
    }
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent {
            kind: MarkupKind::Markdown,
            value: text,
        }),
        range: Some(range(&looked.source, context.statement.span)),
    })
}

/// The parts of a rule's page that say why and what to do.
fn page_of(rule: &str, looked: &Looked) -> Option<String> {
    let page = match rules::find(rule) {
        Some(rule) => rule.read_page()?.body,
        None => looked.settings.custom(rule)?.page(),
    };
    let part = |heading: &str| {
        let start = page.find(&format!("\n## {heading}\n"))? + 1;
        let rest = &page[start..];
        let end = rest[3..].find("\n## ").map_or(rest.len(), |end| end + 3);
        Some(rest[..end].replacen("## ", "#### ", 1))
    };
    Some(format!(
        "\n{}\n\n{}\n",
        part("Why it matters")?.trim(),
        part("What to do")?.trim()
    ))
}

/// What a statement does, as a list.
fn in_words(effects: &Effects) -> String {
    let mut out = String::new();
    for lock in &effects.locks {
        let _ = writeln!(
            out,
            "- **{}** on `{}`: {}",
            lock.mode,
            lock.relation.short(),
            lock.mode.in_words()
        );
    }
    for relation in &effects.rewrites {
        let _ = writeln!(
            out,
            "- writes `{}` anew, with its indexes",
            relation.short()
        );
    }
    for scan in &effects.scans {
        let _ = writeln!(
            out,
            "- reads every row of `{}` {}, under {}",
            scan.relation.short(),
            scan.purpose,
            scan.under
        );
    }
    if effects.outside_transaction {
        out.push_str("- cannot run in a transaction\n");
    }
    if effects.waits_for_snapshots {
        out.push_str("- waits for every transaction that is older\n");
    }
    if let Some(why) = &effects.fails {
        let _ = writeln!(out, "- PostgreSQL refuses it: {why}");
    }
    if effects.unknown {
        out.push_str("- zdm does not understand all of it, so there may be more\n");
    }
    if out.is_empty() {
        out.push_str("Locks nothing that was there before.\n");
    }
    out
}

/// The quick fixes for the statements in a range.
pub(super) fn actions(looked: &Looked, uri: &Uri, wanted: Range) -> Vec<CodeActionOrCommand> {
    let span = Span::new(
        byte(&looked.source, wanted.start),
        byte(&looked.source, wanted.end),
    );
    let file = File::follow(&looked.script, &looked.before, &looked.settings);
    let mut actions = Vec::new();
    for context in file.contexts() {
        let statement = context.statement.span;
        if statement.end < span.start || statement.start > span.end {
            continue;
        }
        let mine: Vec<&Finding> = looked
            .findings
            .iter()
            .filter(|finding| finding.statement == Some(context.at))
            .collect();
        let shown = || {
            mine.iter()
                .map(|finding| diagnostic(looked, uri, finding))
                .collect()
        };
        if let Some(edit) = fix::in_place(&context, &looked.findings) {
            let text = TextEdit::new(range(&looked.source, edit.span), edit.text);
            let title = "Replace it by its safe equivalent";
            actions.push(action(title.to_owned(), uri, vec![text], shown(), true));
        }
        if let Some(edits) = fix::bounding(&context, &looked.findings) {
            let edits = edits
                .into_iter()
                .map(|edit| TextEdit::new(range(&looked.source, edit.span), edit.text));
            let title = "Set its timeouts around it";
            actions.push(action(
                title.to_owned(),
                uri,
                edits.collect(),
                shown(),
                false,
            ));
        }
        let rules = mine.iter().map(|finding| finding.diagnostic.rule.as_str());
        let mut rules: Vec<&str> = rules.collect();
        rules.dedup();
        for rule in rules.into_iter().filter(|rule| looked.settings.knows(rule)) {
            let at = position(&looked.source, statement.start);
            let comment = format!("-- zdm: allow({rule}) because (say why)\n");
            let text = TextEdit::new(Range::new(at, at), comment);
            let title = format!("Accept {rule}, with a reason");
            actions.push(action(title, uri, vec![text], shown(), false));
        }
    }
    actions
}

fn action(
    title: String,
    uri: &Uri,
    edits: Vec<TextEdit>,
    diagnostics: Vec<Diagnostic>,
    preferred: bool,
) -> CodeActionOrCommand {
    CodeActionOrCommand::CodeAction(CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(diagnostics),
        edit: Some(WorkspaceEdit {
            changes: Some(HashMap::from([(uri.clone(), edits)])),
            ..WorkspaceEdit::default()
        }),
        is_preferred: Some(preferred),
        ..CodeAction::default()
    })
}
