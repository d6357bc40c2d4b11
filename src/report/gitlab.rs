//! Findings as a code quality report of GitLab: a JSON array, which a merge request compares by
//! fingerprint with that of its target branch.

use serde::Serialize;

use crate::{
    diagnostic::Level,
    report::{findings::Findings, fingerprint::fingerprints, json},
};

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location<'a>,
}

#[derive(Serialize)]
struct Location<'a> {
    path: &'a str,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
    end: usize,
}

/// The report.
pub fn report(findings: &Findings<'_>) -> String {
    let issues: Vec<Issue<'_>> = findings
        .shown
        .iter()
        .zip(fingerprints(findings.shown))
        .map(|(shown, fingerprint)| Issue {
            description: match &shown.diagnostic.help {
                Some(help) => format!("{} {help}", shown.diagnostic.message),
                None => shown.diagnostic.message.clone(),
            },
            check_name: &shown.diagnostic.rule,
            fingerprint,
            severity: severity(shown.diagnostic.level),
            location: Location {
                path: shown.source.name(),
                lines: Lines {
                    begin: shown.source.position(shown.diagnostic.span.start).line,
                    end: shown.source.position(shown.diagnostic.span.end).line,
                },
            },
        })
        .collect();
    json::pretty(&issues)
}

fn severity(level: Level) -> &'static str {
    match level {
        Level::Error => "critical",
        Level::Warning => "major",
        Level::Info => "info",
    }
}
