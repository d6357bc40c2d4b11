//! Puts statements in the place of another, and keeps apart what may not share a transaction.

use crate::{
    fix::{Edit, Part, Segment, With},
    lint::Context,
    parse::{Script, Statement, StatementKind, parse, statement::Transaction as Control},
    source::{SourceFile, Span},
};

/// How a statement is run.
enum Around {
    /// By itself.
    Nothing,
    /// Between the file's own BEGIN and COMMIT.
    Block(Span),
    /// In the transaction that is opened around the file.
    File,
}

fn around(context: &Context<'_>) -> Around {
    match context.transaction {
        None => Around::Nothing,
        Some(transaction) => transaction.begin.map_or(Around::File, Around::Block),
    }
}

/// A part of a file with the replacement in it, in as many parts as it takes.
pub(super) fn parts(context: &Context<'_>, part: &Part, segments: &[Segment]) -> Option<Vec<Part>> {
    if let (Around::File, true) = (
        around(context),
        segments.len() > 1
            || segments
                .iter()
                .any(|segment| segment.with != With::Neighbours),
    ) {
        // A part that is alone already cannot be cut further.
        return if part.alone {
            None
        } else {
            cut(context, segments)
        };
    }
    let edit = in_place(context, segments)?;
    let text = context.source.text();
    let text = format!(
        "{}{}{}",
        &text[..edit.span.start],
        edit.text,
        &text[edit.span.end..]
    );
    Some(vec![Part {
        text: without_empty_blocks(&text),
        alone: part.alone || segments.iter().any(Segment::is_alone),
    }])
}

/// The replacement where the statement stands; `None` when the file would have to be cut.
pub(super) fn in_place(context: &Context<'_>, segments: &[Segment]) -> Option<Edit> {
    let span = context.statement.span;
    let indent = indent(context.source.text(), span.start);
    let next = format!(";\n{indent}");
    let texts: Vec<&str> = segments
        .iter()
        .map(|segment| segment.sql.as_str())
        .collect();
    let text = match around(context) {
        Around::Nothing => texts.join(&next),
        Around::File if segments.len() == 1 && segments[0].with == With::Neighbours => {
            texts.join(&next)
        }
        Around::File => return None,
        Around::Block(begin) => {
            let before = in_transaction(context)?;
            // What a statement outside the transaction finds must not depend on SET LOCAL.
            let names_depend = before.iter().any(|set| changes_names(set));
            if names_depend && segments.iter().any(Segment::is_alone) {
                return None;
            }
            let begin = context.source.slice(begin);
            let sets: String = before
                .iter()
                .map(|set| format!(";\n{indent}{}", context.source.slice(set.span)))
                .collect();
            let opened = format!("{begin}{sets}");
            let mut open = true;
            let mut out: Vec<String> = Vec::new();
            for (at, segment) in segments.iter().enumerate() {
                if open && (segment.with != With::Neighbours || at > 0) {
                    out.push("COMMIT".to_owned());
                    open = false;
                }
                if !open && !segment.is_alone() {
                    out.push(opened.clone());
                    open = true;
                }
                out.push(segment.sql.clone());
            }
            if !open {
                out.push(opened);
            }
            out.join(&next)
        }
    };
    Some(Edit { span, text })
}

/// The settings that the open transaction has made; `None` when a savepoint stands in the way.
fn in_transaction<'a>(context: &Context<'a>) -> Option<Vec<&'a Statement>> {
    let first = context
        .transaction
        .map_or(0, |transaction| transaction.first);
    let statements = context.file.script.statements.get(first..context.at)?;
    let savepoint = statements
        .iter()
        .any(|statement| matches!(statement.kind, StatementKind::Transaction(_)));
    (!savepoint).then(|| {
        statements
            .iter()
            .filter(|statement| {
                is_kept(statement)
                    && matches!(&statement.kind, StatementKind::Set(set) if set.local)
            })
            .collect()
    })
}

/// A setting that the next transaction needs too.
fn is_kept(statement: &Statement) -> bool {
    matches!(&statement.kind, StatementKind::Set(set) if !matches!(set.name.as_str(), "constraints" | "transaction"))
}

/// A setting on which depends what a name means, or who asks.
fn changes_names(statement: &Statement) -> bool {
    matches!(&statement.kind, StatementKind::Set(set) if matches!(set.name.as_str(), "search_path" | "role" | "session authorization"))
}

/// The file in parts: what stands before, the segments, what comes after.
fn cut(context: &Context<'_>, segments: &[Segment]) -> Option<Vec<Part>> {
    let text = context.source.text();
    let statements = &context.file.script.statements;
    let span = context.statement.span;
    let before: Vec<&Statement> = statements.get(..context.at)?.iter().collect();
    // The tool's transaction is the only one that can be cut.
    if before
        .iter()
        .any(|statement| matches!(statement.kind, StatementKind::Transaction(_)))
    {
        return None;
    }
    let settings: Vec<&Statement> = before
        .iter()
        .copied()
        .filter(|statement| is_kept(statement))
        .collect();
    if settings.iter().any(|set| changes_names(set)) && segments.iter().any(Segment::is_alone) {
        return None;
    }
    let prelude: String = settings
        .iter()
        .map(|set| format!("{};\n", context.source.slice(set.span)))
        .collect();
    let from = before
        .last()
        .map_or(0, |previous| end_of(text, previous.span.end));
    let to = end_of(text, span.end);
    let lead = &text[from..span.start];
    let tail = text[span.end..to].trim_end();
    let rest = &text[to..];
    let only_settings = before.len() == settings.len();
    let mut parts: Vec<Part> = Vec::new();
    if !only_settings {
        parts.push(Part {
            text: text[..from].to_owned(),
            alone: false,
        });
    }
    for (at, segment) in segments.iter().enumerate() {
        let lead = if at == 0 {
            lead.trim_start_matches(['\n', '\r'])
        } else {
            ""
        };
        let tail = if at + 1 == segments.len() { tail } else { ";" };
        let body = format!(
            "{lead}{}{}\n",
            segment.sql,
            if tail.is_empty() { ";" } else { tail }
        );
        match parts.last_mut() {
            // What stood before shares its transaction with the first of them, as it did.
            Some(last) if at == 0 && segment.with == With::Neighbours && !only_settings => {
                last.text.push_str(&format!(
                    "{}{body}",
                    if last.text.ends_with('\n') { "" } else { "\n" }
                ));
            }
            _ => parts.push(Part {
                // Of a file of its own, the settings are its own too; alone it can hold one statement.
                text: match (segment.is_alone(), at == 0 && only_settings) {
                    (true, _) => body,
                    (false, true) => format!("{}{body}", &text[..from]),
                    (false, false) => format!("{prelude}{body}"),
                },
                alone: segment.is_alone(),
            }),
        }
    }
    if statements.len() > context.at + 1 {
        match parts.last_mut() {
            Some(last) if !last.alone => last.text.push_str(rest),
            _ => parts.push(Part {
                text: format!("{prelude}{}", rest.trim_start_matches(['\n', '\r'])),
                alone: false,
            }),
        }
    } else if let (Some(last), false) = (parts.last_mut(), rest.trim().is_empty()) {
        last.text.push_str(rest);
    }
    Some(parts)
}

/// Behind the semicolon of a statement that ends there, and behind a comment on its line.
pub(super) fn end_of(text: &str, end: usize) -> usize {
    let mut at = end;
    if let Some(semicolon) = crate::fix::words::find_char(&text[end..], b';') {
        at = end + semicolon + 1;
    }
    let line = text[at..]
        .find('\n')
        .map_or(text.len(), |line| at + line + 1);
    let left = text[at..line].trim();
    if left.is_empty() || left.starts_with("--") {
        line
    } else {
        at
    }
}

/// The white space that the line of a place starts with.
fn indent(text: &str, at: usize) -> &str {
    let line = text[..at].rfind('\n').map_or(0, |line| line + 1);
    let space = text[line..at].len() - text[line..at].trim_start().len();
    &text[line..line + space]
}

/// The text without `BEGIN; COMMIT;` that hold nothing any more.
fn without_empty_blocks(text: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let script: Script = parse(SourceFile::new("", text.clone()));
        let empty = script.statements.windows(2).find(|pair| {
            matches!(pair[0].kind, StatementKind::Transaction(Control::Begin))
                && matches!(pair[1].kind, StatementKind::Transaction(Control::Commit))
                // A comment between them is kept, and so are they.
                && text[pair[0].span.end..pair[1].span.start].trim_matches([';', ' ', '\t', '\r', '\n']).is_empty()
        });
        let Some(pair) = empty else { return text };
        let (start, end) = (pair[0].span.start, end_of(&text, pair[1].span.end));
        let kept = text[pair[1].span.end..end]
            .trim_matches([';', ' ', '\t', '\r', '\n'])
            .to_owned();
        let space = text[..start].len() - text[..start].trim_end_matches([' ', '\t']).len();
        let mut out = text[..start - space].to_owned();
        if !kept.is_empty() {
            out.push_str(&kept);
            out.push('\n');
        }
        out.push_str(&text[end..]);
        text = out;
    }
}
