//! Findings as a comment on a pull request, with the plan of each migration folded away.
//!
//! It begins with a mark that no reader sees, by which a workflow finds the comment of its last run
//! and replaces it. GitHub takes 65,536 characters, so what would be too long is left out and said.

use std::fmt::Write as _;

use crate::{
    diagnostic::Level,
    report::{Shown, count, findings::Findings, human},
};

/// By this a workflow finds the comment again.
pub const MARK: &str = "<!-- zdm lint -->";

/// The most that a comment may hold, with room for what a workflow adds.
const LONGEST: usize = 60_000;

/// The comment.
pub fn comment(findings: &Findings<'_>) -> String {
    let mut out = format!("{MARK}\n### zdm lint\n\n");
    let summary = human::summary(findings.shown, findings.files.len(), None);
    let _ = writeln!(out, "{}.", summary.trim_end_matches('.'));
    if let Some(database) = findings.database {
        let _ = writeln!(out, "Judged against the database {}.", code(database));
    }
    let (mut last, mut left_out) = ("", 0);
    for shown in findings.shown {
        let item = finding(shown);
        if out.len() + item.len() > LONGEST {
            left_out += 1;
            continue;
        }
        let file = shown.source.name();
        if file != last {
            let _ = write!(out, "\n#### {}\n\n", code(file));
            last = file;
        }
        out.push_str(&item);
    }
    if left_out > 0 {
        let _ = writeln!(
            out,
            "\n{} left out here: run `zdm lint` to see all.",
            count(left_out, "finding")
        );
    }
    let mut without_plan = Vec::new();
    for plan in findings.plans {
        let folded = format!(
            "\n<details>\n<summary>Plan of {}</summary>\n\n{}\n</details>\n",
            html(&plan.title),
            plan.text.trim_end()
        );
        if out.len() + folded.len() > LONGEST {
            without_plan.push(code(&plan.title));
        } else {
            out.push_str(&folded);
        }
    }
    if !without_plan.is_empty() {
        let _ = writeln!(
            out,
            "\nToo long to be shown here is the plan of {}: run `zdm plan`.",
            without_plan.join(", ")
        );
    }
    out
}

fn finding(shown: &Shown<'_>) -> String {
    let Shown {
        source, diagnostic, ..
    } = shown;
    let level = match diagnostic.level {
        Level::Error => "🛑 **error**",
        Level::Warning => "⚠️ **warning**",
        Level::Info => "ℹ️ info",
    };
    let mut out = format!(
        "- {level} {} in line {}: {}\n",
        code(&diagnostic.rule),
        source.position(diagnostic.span.start).line,
        text(&diagnostic.message)
    );
    let sql = source.slice(diagnostic.span).trim_end();
    if !sql.is_empty() {
        let fence = fence(sql);
        let _ = writeln!(out, "  {fence}sql");
        for line in sql.lines() {
            let _ = writeln!(out, "  {line}");
        }
        let _ = writeln!(out, "  {fence}");
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "  {}", text(help));
    }
    out
}

/// Backticks enough that the text cannot end the block.
fn fence(text: &str) -> String {
    let (mut longest, mut run) = (2, 0);
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(longest + 1)
}

/// A text as code within a line.
fn code(text: &str) -> String {
    let one_line = text.replace(['\n', '\r'], " ");
    if one_line.contains('`') {
        format!("`` {one_line} ``")
    } else {
        format!("`{one_line}`")
    }
}

/// A sentence whose names cannot become markup; code in backticks stays code.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let paired = text.matches('`').count().is_multiple_of(2);
    let mut in_code = false;
    for c in text.chars() {
        match c {
            '`' if paired => {
                in_code = !in_code;
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            '<' if !in_code => out.push_str("&lt;"),
            '*' | '_' | '[' | ']' | '|' | '~' | '\\' | '@' | '#' | '`' if !in_code => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_become_markup() {
        assert_eq!(
            text("a_b *waits* for `c_d` <b>\nx"),
            "a\\_b \\*waits\\* for `c_d` &lt;b> x"
        );
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(fence("SELECT '````'"), "`````");
    }
}
