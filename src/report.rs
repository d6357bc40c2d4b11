//! Showing what zdm found, planned and did: one file per format.
//!
//! Takes values of the core and gives text; never prints, never reads a clock, never asks a
//! database. Text for people carries ANSI styles, which whoever prints it strips where they are
//! not wanted (`anstream`); it reads the same without them. JSON goes through types of its own
//! with a version field, so that a renamed field inside zdm never changes what others read.
//! Next: [`crate::cli`] prints it.

pub mod events;
pub mod findings;
pub mod fingerprint;
pub mod github;
pub mod gitlab;
pub mod human;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod plan_human;
pub mod plan_markdown;
pub mod plan_sql;
pub mod sarif;
pub mod status;

use anstyle::{AnsiColor, Style};

use crate::{
    diagnostic::Diagnostic,
    effects::{Effects, duration::in_words},
    source::{SourceFile, Span},
};

/// A diagnostic with what it is about: what every format of findings starts from.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The text that its spans point into.
    pub source: &'a SourceFile,
    /// The finding.
    pub diagnostic: &'a Diagnostic,
    /// The statement it is about.
    pub statement: Option<Span>,
    /// What that statement does.
    pub effects: Option<&'a Effects>,
}

/// Headings.
const BOLD: Style = Style::new().bold();
/// What is said by the way.
const DIM: Style = Style::new().dimmed();
/// What works.
const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What fails, or cannot be taken back.
const BAD: Style = AnsiColor::Red.on_default().bold();
/// What needs a second look.
const CARE: Style = AnsiColor::Yellow.on_default().bold();

/// `text` in a style.
fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// `1 row`, `2 rows`; thousands are separated so that numbers can be read.
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number))
}

/// A number with commas between the thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A time span for people: `350 ms`, `12 s`, `4 min`, `2 h 5 min`.
pub fn duration(milliseconds: u64) -> String {
    in_words(milliseconds)
}

/// Every line of `text` behind `prefix`.
fn indented(text: &str, prefix: &str) -> String {
    let mut out = String::with_capacity(text.len() + prefix.len());
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str(prefix);
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(2000, "row"), "2,000 rows");
        assert_eq!(duration(12_000), "12 s");
    }
}
