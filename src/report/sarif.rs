//! Findings as SARIF 2.1.0 (OASIS, 2020), the format of code scanning.
//!
//! The structs are the part of the format that zdm writes. Columns count Unicode scalars
//! (`columnKind`), as everywhere in zdm. A rule carries its page as help.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;

use crate::{
    diagnostic::Level,
    report::{Shown, findings::Findings, fingerprint::fingerprints, json},
    source::{SourceFile, Span},
};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'a str,
    version: &'a str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'a str,
    results: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'a str,
    version: &'a str,
    semantic_version: &'a str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Help<'a>>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Help<'a> {
    text: &'a str,
    markdown: &'a str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
    #[serde(rename = "physicalLocation")]
    physical: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    #[serde(rename = "artifactLocation")]
    artifact: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
    snippet: Text,
}

/// The log: one run of zdm.
pub fn log(findings: &Findings<'_>) -> String {
    let rules = rules(findings);
    let results = findings
        .shown
        .iter()
        .zip(fingerprints(findings.shown))
        .map(|(shown, fingerprint)| finding(shown, &fingerprint, &rules))
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    json::pretty(&Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "zdm",
                    version,
                    semantic_version: version,
                    rules,
                },
            },
            column_kind: "unicodeCodePoints",
            results,
        }],
    })
}

/// The rules that have findings, by name. What the parser and the engine find have no page.
fn rules<'a>(findings: &Findings<'a>) -> Vec<Rule<'a>> {
    let mut names: Vec<(&str, Level)> = findings
        .shown
        .iter()
        .map(|shown| (shown.diagnostic.rule.as_str(), shown.diagnostic.level))
        .collect();
    names.sort_unstable_by_key(|(name, _)| *name);
    names.dedup_by_key(|(name, _)| *name);
    names
        .into_iter()
        .map(|(name, level)| {
            let doc = findings.rules.iter().find(|rule| rule.name == name);
            Rule {
                id: name,
                short_description: Text {
                    text: message(
                        &doc.map_or_else(|| name.replace('-', " "), |doc| doc.summary.clone()),
                    ),
                },
                help: doc.map(|doc| Help {
                    text: doc.text,
                    markdown: doc.text,
                }),
                default_configuration: Configuration {
                    level: self::level(doc.map_or(level, |doc| doc.level)),
                },
            }
        })
        .collect()
}

fn finding<'a>(shown: &Shown<'a>, fingerprint: &str, rules: &[Rule<'_>]) -> Finding<'a> {
    let Shown {
        source, diagnostic, ..
    } = *shown;
    let text = match &diagnostic.help {
        Some(help) => format!("{}\n{help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    Finding {
        rule_id: &diagnostic.rule,
        // The rules are made from these same findings.
        rule_index: rules
            .iter()
            .position(|rule| diagnostic.rule == rule.id)
            .unwrap_or_default(),
        level: level(diagnostic.level),
        message: Text {
            text: message(&text),
        },
        locations: [location(source, diagnostic.span, None)],
        related_locations: diagnostic
            .labels
            .iter()
            .enumerate()
            .map(|(at, label)| location(source, label.span, Some((at + 1, &label.text))))
            .collect(),
        // The second is the one that GitHub compares; without it, it would count lines.
        partial_fingerprints: BTreeMap::from([
            ("zdm/v1", fingerprint.to_owned()),
            ("primaryLocationLineHash", format!("{fingerprint}:1")),
        ]),
    }
}

fn location(source: &SourceFile, span: Span, label: Option<(usize, &str)>) -> Location {
    let start = source.position(span.start);
    let end = source.position(span.end.max(span.start));
    Location {
        id: label.map(|(id, _)| id),
        message: label.map(|(_, text)| Text {
            text: message(text),
        }),
        physical: PhysicalLocation {
            artifact: ArtifactLocation {
                uri: uri(source.name()),
            },
            region: Region {
                start_line: start.line,
                start_column: start.column,
                end_line: end.line,
                end_column: end.column,
                snippet: Text {
                    text: source.slice(span).to_owned(),
                },
            },
        },
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "note",
    }
}

/// A text as a message: braces are placeholders there unless doubled (3.11.5), and brackets
/// before a parenthesis a link unless escaped (3.11.6).
fn message(text: &str) -> String {
    let text = text.replace('{', "{{").replace('}', "}}");
    if text.contains("](") {
        text.replace('[', "\\[").replace(']', "\\]")
    } else {
        text
    }
}

/// A path as a URI: relative as it is, absolute below `file://`.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_messages_are_escaped() {
        assert_eq!(uri("db/0001 a.sql"), "db/0001%20a.sql");
        assert_eq!(uri("/é.sql"), "file:///%C3%A9.sql");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
        assert_eq!(message("DEFAULT '{}'"), "DEFAULT '{{}}'");
        assert_eq!(message("a[](b) c[1]"), "a\\[\\](b) c\\[1\\]");
        assert_eq!(message("text[]"), "text[]");
    }
}
