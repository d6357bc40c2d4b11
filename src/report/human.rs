//! Findings for people: code frames, and one line that sums them up.

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level as FrameLevel, Renderer, Snippet,
};

use crate::{
    diagnostic::{Diagnostic, Level},
    report::{Shown, count},
    source::{SourceFile, Span},
};

/// Every finding as a code frame, with an empty line behind each.
pub fn diagnostics(shown: &[Shown<'_>]) -> String {
    shown
        .iter()
        .map(|shown| diagnostic(shown.source, shown.diagnostic) + "\n")
        .collect()
}

/// One finding as a code frame, ending in a line break.
pub fn diagnostic(source: &SourceFile, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.level {
        Level::Error => FrameLevel::ERROR,
        Level::Warning => FrameLevel::WARNING,
        Level::Info => FrameLevel::INFO,
    };
    let lines = Lines::around(source, diagnostic);
    let snippet = Snippet::source(lines.text)
        .path(source.name())
        .line_start(lines.first)
        .annotation(lines.annotation(AnnotationKind::Primary, source, diagnostic.span))
        .annotations(diagnostic.labels.iter().map(|label| {
            lines
                .annotation(AnnotationKind::Context, source, label.span)
                .label(label.text.as_str())
        }));
    let mut group: Group<'_> = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.rule.as_str())
        .element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(FrameLevel::HELP.message(help.as_str()));
    }
    let mut text = Renderer::styled().render(&[group]);
    text.push('\n');
    text
}

/// The lines that a finding speaks of. The renderer looks at all that it is given, so that a whole
/// file for each of its findings would take quadratic time.
struct Lines<'a> {
    text: &'a str,
    /// The number of the first of them.
    first: usize,
    /// Where that begins in the file.
    start: usize,
}

impl<'a> Lines<'a> {
    fn around(source: &'a SourceFile, diagnostic: &Diagnostic) -> Self {
        let labels = diagnostic.labels.iter().map(|label| label.span);
        let all = labels.fold(diagnostic.span, Span::to);
        let (from, to) = (source.position(all.start), source.position(all.end));
        let text = source.text();
        let start = text[..from.byte].rfind('\n').map_or(0, |at| at + 1);
        let end = text[to.byte..]
            .find('\n')
            .map_or(text.len(), |at| to.byte + at + 1);
        Self {
            text: &text[start..end],
            first: from.line,
            start,
        }
    }

    /// A span as the renderer takes it: inside the text, and never empty unless at its very end.
    fn annotation(
        &self,
        kind: AnnotationKind,
        source: &SourceFile,
        span: Span,
    ) -> Annotation<'static> {
        let start = source.position(span.start).byte;
        let end = source.position(span.end).byte.max(start);
        kind.span(start - self.start..end - self.start)
    }
}

/// `2 errors, 1 warning in 3 files`, or `No findings in 3 files`.
///
/// `explained` is a rule with a page, to point at.
pub fn summary(shown: &[Shown<'_>], files: usize, explained: Option<&str>) -> String {
    let files = count(files as u64, "file");
    let counted: Vec<String> = [Level::Error, Level::Warning, Level::Info]
        .into_iter()
        .filter_map(|level| {
            let number = shown
                .iter()
                .filter(|shown| shown.diagnostic.level == level)
                .count();
            let noun = match level {
                Level::Error => "error",
                Level::Warning => "warning",
                Level::Info => return (number > 0).then(|| format!("{number} for information")),
            };
            (number > 0).then(|| count(number as u64, noun))
        })
        .collect();
    if counted.is_empty() {
        return format!("No findings in {files}.");
    }
    let explain = explained.map_or_else(String::new, |rule| {
        format!(" `zdm explain {rule}` says more.")
    });
    format!("{} in {files}.{explain}", counted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_shows_rule_place_and_help_without_colour() {
        let source = SourceFile::new(
            "0002_index.sql",
            "-- why\nCREATE INDEX i ON users (email);\n",
        );
        let found = Diagnostic::new(
            "index-not-concurrent",
            Level::Error,
            Span::new(7, 38),
            "Building the index blocks writes to \"users\"",
        )
        .with_help("Write CREATE INDEX CONCURRENTLY.");
        let text = anstream::adapter::strip_str(&diagnostic(&source, &found)).to_string();
        insta::assert_snapshot!(text, @r#"
        error[index-not-concurrent]: Building the index blocks writes to "users"
         --> 0002_index.sql:2:1
          |
        2 | CREATE INDEX i ON users (email);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: Write CREATE INDEX CONCURRENTLY.
        "#);
    }

    #[test]
    fn a_frame_in_a_long_file_has_the_file_s_line_numbers() {
        let mut text = "SELECT 1;\n".repeat(120);
        let begin = text.len();
        text.push_str("BEGIN;\nSELECT 2;\nVACUUM;\n");
        text.push_str(&"SELECT 3;\n".repeat(120));
        let vacuum = text.find("VACUUM").unwrap_or_default();
        let source = SourceFile::new("a.sql", &*text);
        let found = Diagnostic::new(
            "not-in-transaction",
            Level::Error,
            Span::new(vacuum, vacuum + 6),
            "This fails",
        )
        .with_label(Span::new(begin, begin + 5), "begins here");
        let text = anstream::adapter::strip_str(&diagnostic(&source, &found)).to_string();
        insta::assert_snapshot!(text, @r"
        error[not-in-transaction]: This fails
           --> a.sql:123:1
            |
        121 | BEGIN;
            | ----- begins here
        122 | SELECT 2;
        123 | VACUUM;
            | ^^^^^^
        ");
    }

    #[test]
    fn a_span_past_the_end_is_shown_at_the_end() {
        let source = SourceFile::new("a.sql", "SELECT 1");
        let found = Diagnostic::new("syntax", Level::Error, Span::new(50, 60), "Cut short");
        assert!(diagnostic(&source, &found).contains("a.sql"));
    }
}
