//! Directives: SQL comments that tell zdm what plain SQL cannot.
//!
//! A directive is a line comment that starts with `zdm:`; `zdm+` goes on with the one on the line
//! before. It belongs to the statement it stands before or in, or behind which it stands on the
//! same line; `zdm: file …` is for the whole file. Block comments never hold one. One that is not
//! understood, or that belongs to nothing, is an error: a mistyped directive must not be a plain
//! comment.

mod read;

use crate::{
    diagnostic::{Diagnostic, Level},
    ident::Ident,
    parse::{
        expr::Expr,
        split::RawStatement,
        statement::Statement,
        tokens::{Trivia, TriviaKind},
    },
    source::Span,
};

/// One directive, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The bytes of the comment, continuations included.
    pub span: Span,
    /// What it says.
    pub kind: DirectiveKind,
}

/// What a directive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectiveKind {
    /// `up[(column)] expr`: the new value from the old row.
    Up {
        /// The column it fills; `None` when only one changes.
        column: Option<Ident>,
        /// The value; names mean the old row's columns.
        expr: Expr,
    },
    /// `down[(column)] expr`: the old value from the new row.
    Down {
        /// The column it fills; `None` when only one changes.
        column: Option<Ident>,
        /// The value; names mean the new row's columns.
        expr: Expr,
    },
    /// `phase expand | migrate | contract`.
    Phase(PhaseName),
    /// `strategy trigger | view | shadow`.
    Strategy(Strategy),
    /// `once using key`.
    Once {
        /// The key column.
        key: Ident,
    },
    /// `sync a.x -> b.y using key`, kept raw.
    Sync(String),
    /// `allow(rule) because …`.
    Allow {
        /// The rule.
        rule: String,
        /// The reason, never empty.
        because: String,
    },
}

/// The three phases by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PhaseName {
    /// Additive and short.
    Expand,
    /// Long, under weak locks.
    Migrate,
    /// Breaking, under short strong locks.
    Contract,
}

impl PhaseName {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Expand, Self::Migrate, Self::Contract];

    /// The word used everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Migrate => "migrate",
            Self::Contract => "contract",
        }
    }
}

/// How a column changes its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// A second column kept in step by triggers (the default).
    Trigger,
    /// A rename and an updatable view with both names.
    View,
    /// A second table kept in step by triggers.
    Shadow,
}

impl Strategy {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Trigger, Self::View, Self::Shadow];

    /// The word used everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::View => "view",
            Self::Shadow => "shadow",
        }
    }
}

/// Reads every directive of a file, attaches those of statements, and returns those of the file.
pub(super) fn attach(
    source: &str,
    comments: &[Trivia],
    raw: &[RawStatement],
    statements: &mut [Statement],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Directive> {
    let mut of_file = Vec::new();
    for comment in directive_comments(source, comments, diagnostics) {
        let (scope, directives) = match read::read(&comment) {
            Ok(read) => read,
            Err(diagnostic) => {
                diagnostics.push(diagnostic);
                continue;
            }
        };
        if scope == read::Scope::File {
            of_file.extend(directives);
            continue;
        }
        let owner = owner(source, comment.span, raw);
        match owner.and_then(|index| statements.get_mut(index)) {
            Some(statement) => statement.directives.extend(directives),
            None => diagnostics.push(
                Diagnostic::new(
                    "invalid-directive",
                    Level::Error,
                    comment.span,
                    "This directive belongs to no statement: none follows it.",
                )
                .with_help("Put it before the statement it is for, or write `-- zdm: file …`."),
            ),
        }
    }
    of_file
}

/// The statement a comment belongs to: the one it is in, the one that ends on its line, or the
/// next.
fn owner(source: &str, comment: Span, raw: &[RawStatement]) -> Option<usize> {
    let next = raw.partition_point(|statement| statement.span().start < comment.start);
    if let Some(before) = next.checked_sub(1) {
        let statement = &raw[before];
        let inside = comment.start < statement.over;
        let between = source.get(statement.over..comment.start).unwrap_or("");
        let rows_between = statement.data.is_some();
        if inside || (!between.contains(['\n', '\r']) && !rows_between) {
            return Some(before);
        }
    }
    (next < raw.len()).then_some(next)
}

/// The comments that hold directives, each with its continuations.
fn directive_comments(
    source: &str,
    comments: &[Trivia],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<read::Comment> {
    let mut out: Vec<read::Comment> = Vec::new();
    for comment in comments {
        if comment.kind != TriviaKind::LineComment {
            continue;
        }
        let text = comment.span.of(source);
        let Some((head, sign)) = directive_head(text) else {
            continue;
        };
        let blanked = format!("{}{}", " ".repeat(head), &text[head..]);
        match sign {
            Sign::Start => out.push(read::Comment {
                span: comment.span,
                text: blanked,
            }),
            Sign::Continue => {
                let last = out.last_mut().filter(|last| {
                    let between = source.get(last.span.end..comment.span.start).unwrap_or("x");
                    between.trim().is_empty() && line_breaks(between) == 1
                });
                if let Some(last) = last {
                    last.text
                        .push_str(&source[last.span.end..comment.span.start]);
                    last.text.push_str(&blanked);
                    last.span.end = comment.span.end;
                } else {
                    diagnostics.push(
                        Diagnostic::new(
                            "invalid-directive",
                            Level::Error,
                            comment.span,
                            "This continues no directive: there is none on the line before.",
                        )
                        .with_help("Start the directive with `-- zdm:`."),
                    );
                }
            }
        }
    }
    out
}

fn line_breaks(text: &str) -> usize {
    text.replace("\r\n", "\n").matches(['\n', '\r']).count()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Start,
    Continue,
}

/// How many bytes of a line comment come before a directive's own text, if it is one.
fn directive_head(comment: &str) -> Option<(usize, Sign)> {
    let text = comment.trim_start_matches('-');
    let inner = text.trim_start_matches([' ', '\t']);
    let word = inner.get(..4)?;
    let sign = if word.eq_ignore_ascii_case("zdm:") {
        Sign::Start
    } else if word.eq_ignore_ascii_case("zdm+") {
        Sign::Continue
    } else {
        return None;
    };
    Some((comment.len() - inner.len() + 4, sign))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse::parse, source::SourceFile};

    fn describe(directive: &Directive) -> String {
        let value = |word: &str, column: &Option<Ident>, expr: &Expr| match column {
            Some(column) => format!("{word}({}) {}", column.as_str(), expr.text),
            None => format!("{word} {}", expr.text),
        };
        match &directive.kind {
            DirectiveKind::Up { column, expr } => value("up", column, expr),
            DirectiveKind::Down { column, expr } => value("down", column, expr),
            DirectiveKind::Phase(phase) => format!("phase {}", phase.as_str()),
            DirectiveKind::Strategy(strategy) => format!("strategy {}", strategy.as_str()),
            DirectiveKind::Once { key } => format!("once {}", key.as_str()),
            DirectiveKind::Sync(text) => format!("sync {text}"),
            DirectiveKind::Allow { rule, because } => format!("allow {rule}: {because}"),
        }
    }

    /// What belongs to the file, then to each statement, and the messages.
    fn check(sql: &str, file: &[&str], statements: &[&[&str]], messages: &[&str]) {
        let script = parse(SourceFile::new("a.sql", sql));
        let found: Vec<_> = script.file_directives.iter().map(describe).collect();
        assert_eq!(found, file, "{sql}");
        let found: Vec<Vec<_>> = script
            .statements
            .iter()
            .map(|statement| statement.directives.iter().map(describe).collect())
            .collect();
        assert_eq!(found, statements, "{sql}");
        let found: Vec<_> = script
            .diagnostics
            .iter()
            .map(|d| d.message.as_str())
            .collect();
        assert_eq!(found, messages, "{sql}");
    }

    #[test]
    fn each_kind_is_read() {
        check(
            "-- zdm: up lower(a) || 'x;'\n-- zdm: down(\"B\") (a).b ;\n--ZDM: Phase contract\n\
             -- zdm: strategy view\n-- zdm: once using id\n-- zdm: sync a.x -> b.y using id\n\
             -- zdm: allow(drop-column, x) because nobody  reads it\nselect 1;",
            &[],
            &[&[
                "up lower(a) || 'x;'",
                "down(B) (a).b",
                "phase contract",
                "strategy view",
                "once id",
                "sync a.x -> b.y using id",
                "allow drop-column: nobody reads it",
                "allow x: nobody reads it",
            ]],
            &[],
        );
        check(
            "-- zdm: up (a + b)\n-- zdm: up(a)\n-- zdm: up(a) + 1\n-- zdm: up(a) b -- why\nselect 1",
            &[],
            &[&["up (a + b)", "up (a) + 1", "up(a) b"]],
            &["This directive has no expression."],
        );
    }

    #[test]
    fn directives_find_their_statement() {
        check(
            "-- zdm: phase expand\na; -- zdm: phase migrate\n\n-- zdm: phase contract\n-- other\ncomment on table t is 'x'",
            &[],
            &[&["phase expand", "phase migrate"], &["phase contract"]],
            &["Expected an SQL statement, found `a`."],
        );
        check(
            "select 1, -- zdm: phase expand\n 2 -- zdm: phase migrate\n;\nselect 2; select 3; -- zdm: phase contract",
            &[],
            &[&["phase expand", "phase migrate"], &[], &["phase contract"]],
            &[],
        );
        check(
            "select 1;\n-- zdm: file phase contract\n/* -- zdm: phase expand */ select '-- zdm: x'",
            &["phase contract"],
            &[&[], &[]],
            &[],
        );
        check(
            "select 1;\n\n-- zdm: phase contract\n",
            &[],
            &[&[]],
            &["This directive belongs to no statement: none follows it."],
        );
    }

    #[test]
    fn a_directive_goes_on_over_lines() {
        let sql = "-- zdm: up concat(a,\r\n  -- zdm+   ' é ',\r\n--zdm+ b)\r\nselect 1";
        let script = parse(SourceFile::new("a.sql", sql));
        let DirectiveKind::Up { expr, .. } = &script.statements[0].directives[0].kind else {
            panic!("not an up");
        };
        assert_eq!(
            expr.text.split_whitespace().collect::<String>(),
            "concat(a,'é',b)"
        );
        assert_eq!(expr.text.len(), expr.span.len());
        assert!(expr.span.of(sql).starts_with("concat(a,") && expr.span.of(sql).ends_with("b)"));
        for column in &expr.columns {
            let inside = crate::source::Span::new(
                expr.span.start + column.span.start,
                expr.span.start + column.span.end,
            );
            assert_eq!(inside.of(sql), column.name.as_str());
        }
        check(
            "-- zdm: phase expand\n\n-- zdm+ x\nselect 1",
            &[],
            &[&["phase expand"]],
            &["This continues no directive: there is none on the line before."],
        );
    }

    #[test]
    fn mistakes_are_errors_with_a_suggestion() {
        for (text, message) in [
            (
                "dwon a",
                "There is no directive `dwon`. Did you mean `down`?",
            ),
            ("frobnicate", "There is no directive `frobnicate`."),
            ("", "This directive says nothing."),
            ("phase later", "There is no phase `later`."),
            ("phase", "This directive does not say which phase."),
            ("phase expand now", "This directive ends before `now`."),
            ("up", "This directive has no expression."),
            ("up a; drop table t", "This is not one whole expression."),
            ("up (a", "This is not one whole expression."),
            ("up a) + (b", "This is not one whole expression."),
            ("up 'a", "This is not one whole expression."),
            ("once id", "This directive does not name a key."),
            (
                "sync a.x b.y",
                "This directive does not say what is kept in step with what.",
            ),
            ("allow(x)", "This directive gives no reason."),
            ("allow(x) because", "This directive gives no reason."),
            (
                "allow because y",
                "This directive does not say which rule it allows.",
            ),
        ] {
            check(
                &format!("-- zdm: {text}\nselect 1"),
                &[],
                &[&[]],
                &[message],
            );
        }
        let sql = "-- zdm: dwon a\nselect 1";
        let script = parse(SourceFile::new("a.sql", sql));
        assert_eq!(script.diagnostics[0].span.of(sql), "dwon");
        assert_eq!(script.diagnostics[0].rule, "unknown-directive");
    }
}
