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
