//! A plan as a comment on a pull request: who works when, what is held up, and the SQL folded away.
//!
//! It is read by whoever reviews the migration, so what matters comes first and without a click;
//! every byte of SQL is there all the same.

use std::fmt::Write as _;

use crate::{
    plan::{Phase, PhaseName, Plan, Step},
    report::{
        duration,
        plan_human::{offline, terminated, title},
    },
};

/// The whole plan.
pub fn plan(plan: &Plan) -> String {
    let mut out = format!("## `{}`\n\n", code(&title(plan)));
    let _ = writeln!(
        out,
        "PostgreSQL {}, {}.\n",
        plan.pg_version,
        plan.database.as_ref().map_or_else(
            || format!("planned {}", offline(plan)),
            |database| format!("database `{}`", code(database)),
        )
    );
    out.push_str(&compatibility(plan));
    let turn = plan.steps().find(|step| !step.reversible);
    let _ = writeln!(
        out,
        "\n{}",
        match turn {
            Some(step) => format!(
                "Reversible until `{}`: before it `zdm rollback {}` takes everything back.",
                step.id,
                code(&plan.migration.id)
            ),
            None => format!(
                "Every step can be taken back with `zdm rollback {}`.",
                code(&plan.migration.id)
            ),
        }
    );
    for phase in &plan.phases {
        out.push_str(&self::phase(phase, turn));
    }
    if !plan.notes.is_empty() {
        out.push_str("\n### Notes\n\n");
        for note in &plan.notes {
            let _ = writeln!(out, "- {}", text(note));
        }
    }
    out
}

/// Why a migration has no plan.
pub fn refused(why: &[&str]) -> String {
    let lines: String = why.iter().map(|why| format!("- {}\n", text(why))).collect();
    format!("zdm does not plan it as it is:\n\n{lines}")
}

/// A table of who works after each phase, and its exceptions below it.
fn compatibility(plan: &Plan) -> String {
    let mut out = "| after | old application | new application |\n| --- | --- | --- |\n".to_owned();
    for compat in &plan.compat {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            compat.after.as_str(),
            works(compat.old),
            works(compat.new)
        );
    }
    let notes: Vec<String> = plan
        .compat
        .iter()
        .flat_map(|compat| {
            compat
                .notes
                .iter()
                .map(|note| format!("- after {}: {}\n", compat.after.as_str(), text(note)))
        })
        .collect();
    if !notes.is_empty() {
        let _ = write!(out, "\n{}", notes.concat());
    }
    out
}

fn works(works: bool) -> &'static str {
    if works {
        "✓ works"
    } else {
        "✗ does not work"
    }
}

fn phase(phase: &Phase, turn: Option<&Step>) -> String {
    let about = match phase.phase {
        PhaseName::Expand => "additive and short; the old application keeps working",
        PhaseName::Migrate => "long work under weak locks; clients keep working",
        PhaseName::Contract => "short strong locks; the old application must be gone",
    };
    let mut out = format!("\n### {}\n\n{about}\n", phase.phase.as_str());
    if phase.steps.is_empty() {
        out.push_str("\nNothing to do.\n");
    }
    for step in &phase.steps {
        if turn.is_some_and(|turn| turn.id == step.id) {
            out.push_str("\n**From here on there is no way back.**\n");
        }
        out.push_str(&self::step(step));
    }
    out
}

fn step(step: &Step) -> String {
    let mut out = format!("\n- **{}** {}\n", step.id, text(&step.title));
    for lock in &step.locks {
        let _ = writeln!(
            out,
            "  - locks `{}`: {}, {}",
            code(&lock.relation.short()),
            lock.mode,
            lock.mode.in_words()
        );
    }
    for scan in &step.scans {
        let _ = writeln!(
            out,
            "  - reads all of `{}` {}{}",
            code(&scan.relation.short()),
            text(&scan.purpose),
            if scan.under.blocks_writes() {
                ", while clients wait"
            } else {
                ", while clients read and write"
            }
        );
    }
    for relation in &step.rewrites {
        let _ = writeln!(out, "  - writes all of `{}` anew", code(&relation.short()));
    }
    if let Some(estimate) = step.estimate_ms {
        let _ = writeln!(out, "  - takes about {}", duration(estimate));
    }
    for loses in step.undo.iter().filter_map(|undo| undo.loses.as_ref()) {
        let _ = writeln!(
            out,
            "  - going back asks first when {}",
            text(&loses.message.replace("{count}", "some"))
        );
    }
    if !step.sql.is_empty() {
        out.push_str(&folded("SQL", step.sql.iter()));
    }
    let undo: Vec<&String> = step.undo.iter().flat_map(|undo| &undo.sql).collect();
    if !undo.is_empty() {
        out.push_str(&folded("Undo", undo.into_iter()));
    } else if !step.reversible {
        out.push_str("  - cannot be taken back\n");
    }
    out
}

/// Statements behind a click, inside of a list entry.
fn folded<'a>(summary: &str, statements: impl Iterator<Item = &'a String>) -> String {
    let sql: String = statements.map(|sql| terminated(sql) + "\n").collect();
    // A fence longer than any run of backticks in the text.
    let longest = sql
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    let mut out = format!("\n  <details><summary>{summary}</summary>\n\n  {fence}sql\n");
    for line in sql.lines() {
        if line.is_empty() {
            out.push('\n');
        } else {
            let _ = writeln!(out, "  {line}");
        }
    }
    let _ = write!(out, "  {fence}\n\n  </details>\n");
    out
}

/// Words that may hold names of the migration: on one line, and nothing of them is Markdown.
fn text(words: &str) -> String {
    let mut out = String::new();
    for c in words
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
    {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '@' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// What stands between single backticks.
fn code(words: &str) -> String {
    words.replace('`', "'").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markdown() {
        assert_eq!(
            text("add a_b\n<b> *x* | @all"),
            r"add a\_b &lt;b&gt; \*x\* \| \@all"
        );
        assert_eq!(code("a`b\nc"), "a'b c");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_statement() {
        let shown = folded("SQL", [&"SELECT '````'".to_owned()].into_iter());
        assert!(
            shown.contains("  `````sql\n  SELECT '````';\n  `````\n"),
            "{shown}"
        );
    }
}
