//! Findings and errors for programs (INTERFACES: JSON; `docs/reference/schemas/`).
//!
//! The types here are the format: a field may be added, never changed in meaning.

use std::num::NonZeroU32;

use serde::Serialize;

use crate::{
    diagnostic::Level,
    effects::{RelationLock, Scan},
    ident::ObjectName,
    report::{Shown, fingerprint::fingerprints},
    source::Position,
};

/// The version of every JSON output.
pub const VERSION: u32 = 1;

/// The output of `zdm lint --format json`.
#[derive(Debug, Serialize)]
pub struct Lint<'a> {
    version: u32,
    database: Option<&'a str>,
    diagnostics: Vec<LintDiagnostic<'a>>,
}

/// One finding.
#[derive(Debug, Serialize)]
struct LintDiagnostic<'a> {
    rule: &'a str,
    level: Level,
    message: &'a str,
    help: Option<&'a str>,
    file: &'a str,
    start: Position,
    end: Position,
    statement: Option<&'a str>,
    locks: &'a [RelationLock],
    rewrites: &'a [ObjectName],
    scans: &'a [Scan],
    blocks_for_ms: Option<NonZeroU32>,
    fingerprint: String,
}

impl<'a> Lint<'a> {
    /// The findings of one run; `database` is the one they were judged against, if any.
    pub fn new(shown: &[Shown<'a>], database: Option<&'a str>) -> Self {
        Self {
            version: VERSION,
            database,
            diagnostics: shown
                .iter()
                .copied()
                .zip(fingerprints(shown))
                .map(|(shown, fingerprint)| LintDiagnostic::new(shown, fingerprint))
                .collect(),
        }
    }
}

impl<'a> LintDiagnostic<'a> {
    fn new(shown: Shown<'a>, fingerprint: String) -> Self {
        let Shown {
            source,
            diagnostic,
            statement,
            effects,
        } = shown;
        Self {
            rule: &diagnostic.rule,
            level: diagnostic.level,
            message: &diagnostic.message,
            help: diagnostic.help.as_deref(),
            file: source.name(),
            start: source.position(diagnostic.span.start),
            end: source.position(diagnostic.span.end),
            statement: statement.map(|span| source.slice(span)),
            locks: effects.map_or(&[], |effects| &effects.locks),
            rewrites: effects.map_or(&[], |effects| &effects.rewrites),
            scans: effects.map_or(&[], |effects| &effects.scans),
            blocks_for_ms: diagnostic.blocks_for_ms,
            fingerprint,
        }
    }
}

/// What is known of the database after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseState {
    /// Nothing was changed.
    Unchanged,
    /// What was done is in the journal; `zdm apply` goes on from there.
    Recorded,
    /// Whether the last statement took effect is not known.
    Unknown,
}

/// The error object of every command with `--format json`.
#[derive(Debug, Serialize)]
pub struct Error<'a> {
    version: u32,
    database: Option<&'a str>,
    #[serde(rename = "error")]
    body: ErrorBody<'a>,
}

#[derive(Debug, Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
    database_state: DatabaseState,
    next: Option<&'a str>,
}

impl<'a> Error<'a> {
    /// `code` is one of the stable codes of `docs/reference/errors.md`; `next` is what to do.
    pub fn new(
        code: &'a str,
        message: &'a str,
        database_state: DatabaseState,
        next: Option<&'a str>,
    ) -> Self {
        Self {
            version: VERSION,
            database: None,
            body: ErrorBody {
                code,
                message,
                database_state,
                next,
            },
        }
    }

    /// The database it is about.
    #[must_use]
    pub fn about(mut self, database: Option<&'a str>) -> Self {
        self.database = database;
        self
    }
}

/// A value as one line of JSON, the line break included: errors come among the events of a run,
/// which are one per line.
pub fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_else(|error| unserialisable(&error));
    text.push('\n');
    text
}

fn unserialisable(error: &serde_json::Error) -> String {
    format!("{{\"version\":{VERSION},\"unserialisable\":\"{error}\"}}")
}

/// A value as indented JSON with a line break behind it.
///
/// Every type here has string keys and plain values, so this cannot fail; if it did, the error
/// is what is shown.
pub fn pretty(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).unwrap_or_else(|error| {
        format!("{{\"version\":{VERSION},\"unserialisable\":\"{error}\"}}")
    });
    text.push('\n');
    text
}
