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
    let snippet = Snippet::source(source.text())
        .path(source.name())
        .annotation(annotation(AnnotationKind::Primary, source, diagnostic.span))
        .annotations(diagnostic.labels.iter().map(|label| {
            annotation(AnnotationKind::Context, source, label.span).label(label.text.as_str())
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

/// A span as the renderer takes it: inside the text, and never empty unless at its very end.
fn annotation<'a>(kind: AnnotationKind, source: &SourceFile, span: Span) -> Annotation<'a> {
    let start = source.position(span.start).byte;
    let end = source.position(span.end).byte.max(start);
    kind.span(start..end)
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
    fn a_span_past_the_end_is_shown_at_the_end() {
        let source = SourceFile::new("a.sql", "SELECT 1");
        let found = Diagnostic::new("syntax", Level::Error, Span::new(50, 60), "Cut short");
        assert!(diagnostic(&source, &found).contains("a.sql"));
    }
}
