//! Findings as `JUnit` XML, which most CI servers show as tests.
//!
//! Every file is a suite and every finding a case in it: a failure if its level makes the run fail,
//! a note (`system-out`) otherwise. A file without findings is one case that passes, so that it can
//! be seen that it was looked at.

use std::fmt::Write as _;

use crate::report::{Shown, findings::Findings};

/// The report.
pub fn report(findings: &Findings<'_>) -> String {
    let (mut cases, mut failures) = (0, 0);
    let mut suites = String::new();
    for file in findings.files {
        let of_file: Vec<&Shown<'_>> = findings
            .shown
            .iter()
            .filter(|shown| shown.source.name() == *file)
            .collect();
        let failed = of_file
            .iter()
            .filter(|shown| findings.fails(shown.diagnostic.level))
            .count();
        let tests = of_file.len().max(1);
        cases += tests;
        failures += failed;
        let name = escaped(file);
        let _ = writeln!(
            suites,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"0\" skipped=\"0\">"
        );
        if of_file.is_empty() {
            let _ = writeln!(
                suites,
                "    <testcase classname=\"{name}\" name=\"no findings\" file=\"{name}\"/>"
            );
        }
        for shown in of_file {
            suites.push_str(&case(shown, findings));
        }
        suites.push_str("  </testsuite>\n");
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"zdm lint\" tests=\"{cases}\" failures=\"{failures}\" errors=\"0\">\n\
         {suites}</testsuites>\n"
    )
}

fn case(shown: &Shown<'_>, findings: &Findings<'_>) -> String {
    let Shown {
        source, diagnostic, ..
    } = shown;
    let start = source.position(diagnostic.span.start);
    let file = escaped(source.name());
    let mut text = format!(
        "{}:{}:{}\n{}\n",
        source.name(),
        start.line,
        start.column,
        diagnostic.message
    );
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(text, "help: {help}");
    }
    let _ = writeln!(text, "\n{}", source.slice(diagnostic.span));
    let text = escaped(&text);
    let inner = if findings.fails(diagnostic.level) {
        format!(
            "<failure type=\"{}\" message=\"{}\">{text}</failure>",
            diagnostic.level.as_str(),
            escaped(&diagnostic.message)
        )
    } else {
        format!("<system-out>{text}</system-out>")
    };
    format!(
        "    <testcase classname=\"{file}\" name=\"{} in line {}\" file=\"{file}\" line=\"{}\">\n      {inner}\n    </testcase>\n",
        escaped(&diagnostic.rule),
        start.line,
        start.line
    )
}

/// A text as XML 1.0 takes it, in attributes as well; what it cannot hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' | '\t' => out.push(c),
            '\r' => out.push_str("&#13;"),
            '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_escaped_or_replaced() {
        assert_eq!(
            escaped("a < 'b' & \"c\"\u{1}é]]>"),
            "a &lt; &apos;b&apos; &amp; &quot;c&quot;\u{fffd}é]]&gt;"
        );
    }
}
