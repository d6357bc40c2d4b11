//! Safe equivalents of what lint finds, as plain SQL.
//!
//! A statement that was found is replaced by statements that leave the same behind and hold up
//! nobody: NOT VALID and VALIDATE, CONCURRENTLY, a constraint on a finished index. Texts are the
//! original bytes wherever they can be, and comments stay. Where two statements may not share a
//! transaction, the file's own BEGIN and COMMIT are set around them, or, when whoever runs the
//! files wraps each in a transaction, the file is cut into parts. Pure: nothing is written here.
//! Next: `rewrite` knows the equivalents, `assemble` puts texts together.

mod alter;
mod assemble;
mod partitioned;
mod rewrite;
mod timeouts;
mod words;

use crate::{
    catalog::Catalog,
    lint::{Context, File, Finding, Linted, Settings, lint, settings::Runner},
    parse::{Script, parse},
    source::{SourceFile, Span},
};

/// A file after all that could be replaced is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// Its text in parts that may not share a transaction; one part where the file can stay whole.
    pub parts: Vec<Part>,
    /// How many statements were replaced.
    pub replaced: usize,
    /// How many times a timeout was set, or switched off for an index.
    pub bounded: usize,
}

/// One part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its text.
    pub text: String,
    /// A statement in it was replaced by one that cannot run in a transaction.
    pub alone: bool,
}

/// A replacement of one stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that are replaced.
    pub span: Span,
    /// What stands there then.
    pub text: String,
}

/// Statements that stand for another, in parts that may not share a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    /// One statement or several, without the last semicolon.
    sql: String,
    /// What it may share a transaction with.
    with: With,
}

/// What a segment may share a transaction with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum With {
    /// What stands before the statement, or behind it.
    Neighbours,
    /// What stands behind it.
    Later,
    /// Nothing: it cannot run in a transaction.
    Nothing,
}

impl Segment {
    fn shared(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            with: With::Neighbours,
        }
    }

    fn apart(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            with: With::Later,
        }
    }

    fn alone(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            with: With::Nothing,
        }
    }

    fn is_alone(&self) -> bool {
        self.with == With::Nothing
    }
}

/// Replaces what was found in a script that is run on what exists `before`, until nothing more
/// can be.
pub fn fix(script: &Script, before: &Catalog, settings: &Settings) -> Fixed {
    let mut fixed = Fixed {
        parts: vec![Part {
            text: script.source.text().to_owned(),
            alone: false,
        }],
        replaced: 0,
        bounded: 0,
    };
    // A replacement is never replaced by what it stands for; the limit is for what is not known.
    let limit = 16 + 4 * script.statements.len();
    while fixed.replaced < limit {
        let Some((at, parts)) = next(&fixed.parts, script.source.name(), before, settings) else {
            break;
        };
        fixed.parts.splice(at..=at, parts);
        fixed.replaced += 1;
    }
    // Last, so that no replacement carries the setting into statements that must not have it.
    while fixed.bounded < limit {
        let Some((at, text)) = bound(&fixed.parts, script.source.name(), before, settings) else {
            break;
        };
        fixed.parts[at].text = text;
        fixed.bounded += 1;
    }
    fixed
}

impl Fixed {
    /// Whether anything is to be written.
    pub fn is_changed(&self) -> bool {
        self.replaced + self.bounded > 0
    }
}

/// What a part becomes by the first replacement that is possible, and which part it is.
fn next(
    parts: &[Part],
    name: &str,
    before: &Catalog,
    settings: &Settings,
) -> Option<(usize, Vec<Part>)> {
    first_of(parts, name, before, settings, |context, findings, part| {
        let segments = segments(context, findings)?;
        assemble::parts(context, part, &segments)
    })
}

/// The text of a part in which the first wait without end is bounded, or the first index is given
/// its time, and which part it is.
fn bound(
    parts: &[Part],
    name: &str,
    before: &Catalog,
    settings: &Settings,
) -> Option<(usize, String)> {
    first_of(parts, name, before, settings, |context, findings, part| {
        let mut text = part.text.clone();
        for edit in timeouts::edits(context, findings)?.iter().rev() {
            text.replace_range(edit.span.start..edit.span.end, &edit.text);
        }
        Some(text)
    })
}

/// What is made of the first statement of which anything was found and something can be made, and
/// which part it is in.
fn first_of<T>(
    parts: &[Part],
    name: &str,
    before: &Catalog,
    settings: &Settings,
    make: impl Fn(&Context<'_>, &[Finding], &Part) -> Option<T>,
) -> Option<(usize, T)> {
    let mut catalog = before.clone();
    let bare = Settings {
        runner: Runner::Statements,
        ..settings.clone()
    };
    for (at, part) in parts.iter().enumerate() {
        let script = parse(SourceFile::new(name, part.text.clone()));
        // What cannot run in a transaction is not wrapped in one.
        let settings = if part.alone { &bare } else { settings };
        let linted = lint(&script, &catalog, settings);
        let file = File::follow(&script, &catalog, settings);
        for found in found(&linted) {
            let Some(context) = file.context(found) else {
                continue;
            };
            if let Some(made) = make(&context, &linted.findings, part) {
                return Some((at, made));
            }
        }
        catalog = linted.after;
    }
    None
}

/// The edits that bound the wait of one statement for its lock, if it was found to have no end, or
/// that let it take its time, if a timeout was found to cut it short.
pub fn bounding(context: &Context<'_>, findings: &[Finding]) -> Option<Vec<Edit>> {
    timeouts::edits(context, findings)
}

/// The edit that replaces one statement of a file where it stands, if there is one: the quick fix
/// of an editor.
pub fn in_place(context: &Context<'_>, findings: &[Finding]) -> Option<Edit> {
    let segments = segments(context, findings)?;
    assemble::in_place(context, &segments)
}

/// The statements of which anything was found, in order.
fn found(linted: &Linted) -> Vec<usize> {
    let mut found: Vec<usize> = linted
        .findings
        .iter()
        .filter_map(|finding| finding.statement)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// What stands for a statement of which something was found.
fn segments(context: &Context<'_>, findings: &[Finding]) -> Option<Vec<Segment>> {
    findings
        .iter()
        .any(|finding| finding.statement == Some(context.at))
        .then(|| rewrite::segments(context).or_else(|| rewrite::apart_at_last(context, findings)))
        .flatten()
}
