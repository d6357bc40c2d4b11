//! Findings as annotations of GitHub Actions: one workflow command per finding.
//!
//! From "Workflow commands for GitHub Actions": `%`, carriage return and line feed are escaped in
//! the message, colon and comma as well in a property. GitHub shows ten annotations of each level
//! per step; the rest stays in the log.

use std::fmt::Write as _;

use crate::{
    diagnostic::Level,
    report::{Shown, findings::Findings},
};

/// Every finding as a command on a line of its own.
pub fn commands(findings: &Findings<'_>) -> String {
    findings.shown.iter().map(command).collect()
}

fn command(shown: &Shown<'_>) -> String {
    let Shown {
        source, diagnostic, ..
    } = shown;
    let name = match diagnostic.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info => "notice",
    };
    let start = source.position(diagnostic.span.start);
    let end = source.position(diagnostic.span.end);
    let mut out = format!(
        "::{name} file={},line={},endLine={}",
        property(source.name()),
        start.line,
        end.line
    );
    // Columns mean something to GitHub only within one line.
    if start.line == end.line {
        let _ = write!(out, ",col={},endColumn={}", start.column, end.column);
    }
    let message = match &diagnostic.help {
        Some(help) => format!("{}\nhelp: {help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let title = property(&format!("zdm {}", diagnostic.rule));
    let _ = writeln!(out, ",title={title}::{}", data(&message));
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(data("50 %\r\na: b, c"), "50 %25%0D%0Aa: b, c");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }
}
