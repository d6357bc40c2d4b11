//! Cuts a text into statements at the semicolons that end one.
//!
//! A semicolon inside parentheses (a rule's actions) or inside `BEGIN ATOMIC … END` (an SQL
//! function's body) ends nothing, exactly as psql decides it (`src/fe_utils/psqlscan.l`). psql
//! commands and the rows behind `COPY … FROM stdin` are not SQL: they are left out and reported.
//! It must never lose a byte that the server would run, and a parenthesis that is never closed
//! must not swallow the rest of the file.
//! Next: [`super::ddl`] makes each piece a statement.

use super::tokens::{Lexer, Piece, Token, TokenKind, Trivia, TriviaKind};
use crate::{
    diagnostic::{Diagnostic, Level},
    source::Span,
};

/// How many times an unclosed parenthesis is recovered from with a fresh look at the rest.
const RECOVERIES: usize = 32;

/// One statement's tokens, without its semicolon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RawStatement {
    /// Never empty.
    pub(crate) tokens: Vec<Token>,
    /// Where the statement is over: behind its semicolon, or its last token.
    pub(crate) over: usize,
    /// The rows of `COPY … FROM stdin`, up to and without the line `\.`.
    pub(crate) data: Option<Span>,
}

impl RawStatement {
    /// From its first to its last token.
    pub(crate) fn span(&self) -> Span {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::default(),
        }
    }
}

/// A text in pieces.
#[derive(Debug, Default)]
pub(crate) struct Split {
    /// The statements, in order.
    pub(crate) statements: Vec<RawStatement>,
    /// Comments, in order.
    pub(crate) comments: Vec<Trivia>,
    /// What is not SQL, or never ends.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Cuts `source`.
pub(crate) fn split(source: &str) -> Split {
    let mut out = Split::default();
    let mut lexer = Lexer::new(source);
    let mut recoveries = 0;
    loop {
        let comments = out.comments.len();
        let diagnostics = out.diagnostics.len();
        let nesting = if recoveries < RECOVERIES {
            Nesting::Counted
        } else {
            Nesting::Ignored
        };
        let begin = lexer.offset();
        let piece = next_statement(source, &mut lexer, &mut out, nesting);
        match piece {
            Piecewise::End => return out,
            Piecewise::Statement(statement) => out.statements.push(statement),
            Piecewise::Unclosed {
                mut tokens,
                first_semicolon,
                open,
            } => {
                recoveries += 1;
                out.comments.truncate(comments);
                out.diagnostics.truncate(diagnostics);
                out.diagnostics.push(unclosed(source, open));
                let resume = match first_semicolon {
                    Some(index) => {
                        let end = tokens[index].span.end;
                        tokens.truncate(index);
                        end
                    }
                    None => source.len(),
                };
                // The comments up to there were dropped with those behind; look again.
                let mut again = Lexer::new(source);
                again.seek(begin);
                for piece in again {
                    match piece {
                        Piece::Trivia(trivia) if trivia.span.end <= resume => {
                            note_trivia(source, trivia, &mut out);
                        }
                        Piece::Trivia(_) => break,
                        Piece::Token(token) if token.span.end > resume => break,
                        Piece::Token(token) => note_token(source, token, &mut out),
                    }
                }
                if !tokens.is_empty() {
                    out.statements.push(RawStatement {
                        tokens,
                        over: resume,
                        data: None,
                    });
                }
                lexer.seek(resume);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Nesting {
    Counted,
    Ignored,
}

enum Piecewise {
    Statement(RawStatement),
    Unclosed {
        tokens: Vec<Token>,
        first_semicolon: Option<usize>,
        open: Span,
    },
    End,
}

fn next_statement(
    source: &str,
    lexer: &mut Lexer<'_>,
    out: &mut Split,
    nesting: Nesting,
) -> Piecewise {
    let mut tokens: Vec<Token> = Vec::new();
    let mut parens: Vec<Span> = Vec::new();
    let mut blocks: Vec<Span> = Vec::new();
    let mut first_semicolon = None;
    while let Some(piece) = lexer.next() {
        let token = match piece {
            Piece::Token(token) => token,
            Piece::Trivia(trivia) => {
                note_trivia(source, trivia, out);
                continue;
            }
        };
        note_token(source, token, out);
        match token.kind {
            TokenKind::LeftParen if nesting == Nesting::Counted => parens.push(token.span),
            TokenKind::RightParen => {
                parens.pop();
            }
            TokenKind::Semicolon if parens.is_empty() && blocks.is_empty() => {
                if tokens.is_empty() {
                    continue;
                }
                let data = takes_rows(source, &tokens).then(|| skip_rows(source, lexer, out));
                return Piecewise::Statement(RawStatement {
                    tokens,
                    over: token.span.end,
                    data,
                });
            }
            TokenKind::Semicolon => {
                first_semicolon.get_or_insert(tokens.len());
            }
            TokenKind::Word
                if nesting == Nesting::Counted
                    && parens.is_empty()
                    && defines_routine(source, &tokens) =>
            {
                let is = |word: &str| token.is_word(source, word);
                if is("begin") || (is("case") && !blocks.is_empty()) {
                    blocks.push(token.span);
                } else if is("end") {
                    blocks.pop();
                }
            }
            _ => {}
        }
        tokens.push(token);
    }
    if let Some(open) = parens.first().or(blocks.first()) {
        return Piecewise::Unclosed {
            open: *open,
            tokens,
            first_semicolon,
        };
    }
    match tokens.last() {
        None => Piecewise::End,
        Some(last) => Piecewise::Statement(RawStatement {
            over: last.span.end,
            tokens,
            data: None,
        }),
    }
}

/// `CREATE [OR REPLACE] FUNCTION | PROCEDURE`, the only statements with a body in the open.
fn defines_routine(source: &str, tokens: &[Token]) -> bool {
    let is = |index: usize, word: &str| {
        tokens
            .get(index)
            .is_some_and(|token: &Token| token.is_word(source, word))
    };
    let object = if is(1, "or") && is(2, "replace") {
        3
    } else {
        1
    };
    is(0, "create") && (is(object, "function") || is(object, "procedure"))
}

/// Whether rows follow: `COPY … FROM stdin` outside parentheses.
fn takes_rows(source: &str, tokens: &[Token]) -> bool {
    let is = |index: usize, word: &str| {
        tokens
            .get(index)
            .is_some_and(|token: &Token| token.is_word(source, word))
    };
    is(0, "copy")
        && (1..tokens.len())
            .any(|at| is(at, "from") && (is(at + 1, "stdin") || is(at + 1, "stdout")))
}

/// Skips the rows behind a `COPY … FROM stdin;`, which start on the next line.
fn skip_rows(source: &str, lexer: &mut Lexer<'_>, out: &mut Split) -> Span {
    let rest = |at: usize| source.get(at..).unwrap_or("");
    let start = match rest(lexer.offset()).find('\n') {
        Some(found) => lexer.offset() + found + 1,
        None => source.len(),
    };
    let mut at = start;
    let mut end = source.len();
    let mut resume = source.len();
    while at < source.len() {
        let line_end = rest(at).find('\n').map_or(source.len(), |found| at + found);
        let line = source[at..line_end].trim_end_matches('\r');
        if line == "\\." {
            end = at;
            resume = line_end;
            break;
        }
        at = line_end + 1;
    }
    lexer.seek(resume);
    let span = Span::new(start, end.max(start));
    let shown = if span.is_empty() {
        Span::new(start.min(resume), resume)
    } else {
        Span::new(start, first_line_end(source, start))
    };
    if !shown.is_empty() {
        out.diagnostics.push(
            Diagnostic::new(
                "copy-data",
                Level::Error,
                shown,
                "The rows behind COPY … FROM stdin are read by psql, not by the server, and are \
                 not part of what zdm runs.",
            )
            .with_help("Write the rows as INSERT statements."),
        );
    }
    span
}

fn first_line_end(source: &str, start: usize) -> usize {
    let rest = source.get(start..).unwrap_or("");
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    start + line.max(rest.chars().next().map_or(0, char::len_utf8))
}

fn note_token(source: &str, token: Token, out: &mut Split) {
    // Computed where needed only: looking for the line's end at each token is slow on long lines.
    let shown = || {
        Span::new(
            token.span.start,
            first_line_end(source, token.span.start).min(token.span.end),
        )
    };
    match token.kind {
        TokenKind::Unterminated => {
            let what = match token.text(source).as_bytes().first() {
                Some(b'"') => "quoted name",
                Some(b'$') => "dollar-quoted string",
                _ => "string",
            };
            out.diagnostics.push(
                Diagnostic::new(
                    "syntax",
                    Level::Error,
                    shown(),
                    format!("This {what} has no end: everything up to the end of the file belongs to it."),
                )
                .with_help("Close it, or double the quote where it is part of the text."),
            );
        }
        TokenKind::Unknown => out.diagnostics.push(
            Diagnostic::new(
                "syntax",
                Level::Error,
                shown(),
                format!(
                    "The character `{}` starts nothing that SQL knows.",
                    token.text(source).escape_debug()
                ),
            )
            .with_help("Remove it, or quote the text it belongs to."),
        ),
        _ => {}
    }
}

fn note_trivia(source: &str, trivia: Trivia, out: &mut Split) {
    let shown = Span::new(
        trivia.span.start,
        first_line_end(source, trivia.span.start).min(trivia.span.end),
    );
    match trivia.kind {
        TriviaKind::LineComment | TriviaKind::BlockComment => out.comments.push(trivia),
        TriviaKind::UnterminatedComment => out.diagnostics.push(
            Diagnostic::new(
                "syntax",
                Level::Error,
                shown,
                "This comment has no end: everything up to the end of the file belongs to it.",
            )
            .with_help("Close it with */; comments nest, so each /* inside needs its own."),
        ),
        TriviaKind::PsqlCommand => {
            let command: String = trivia.span.of(source)[1..]
                .chars()
                .take_while(char::is_ascii_alphabetic)
                .collect();
            let harmless = matches!(
                command.as_str(),
                "restrict"
                    | "unrestrict"
                    | "echo"
                    | "qecho"
                    | "warn"
                    | "pset"
                    | "timing"
                    | "x"
                    | "encoding"
                    | "set"
                    | "unset"
            );
            let (level, message) = if harmless {
                (
                    Level::Info,
                    format!("The psql command \\{command} is left out: zdm sends SQL only."),
                )
            } else {
                (
                    Level::Error,
                    format!("The psql command \\{command} is not SQL, and zdm cannot run it."),
                )
            };
            out.diagnostics.push(
                Diagnostic::new("psql-command", level, shown, message)
                    .with_help("Write what it does as SQL, or take it out."),
            );
        }
    }
}

fn unclosed(source: &str, open: Span) -> Diagnostic {
    if open.of(source) == "(" {
        Diagnostic::new(
            "syntax",
            Level::Error,
            open,
            "This parenthesis is never closed.",
        )
        .with_help("Close it; zdm reads on behind the next semicolon.")
    } else {
        Diagnostic::new(
            "syntax",
            Level::Error,
            open,
            format!("This {} has no END.", open.of(source).to_uppercase()),
        )
        .with_help("Close it with END; zdm reads on behind the next semicolon.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, statements: &[&str], rules: &[&str]) {
        let split = split(sql);
        let texts: Vec<_> = split
            .statements
            .iter()
            .map(|statement| statement.span().of(sql))
            .collect();
        assert_eq!(texts, statements, "{sql}");
        let found: Vec<_> = split.diagnostics.iter().map(|d| d.rule.as_str()).collect();
        assert_eq!(found, rules, "{sql}");
    }

    #[test]
    fn semicolons_end_statements_outside_bodies_only() {
        check("a; b ;; c", &["a", "b", "c"], &[]);
        check(
            "select ';' ; /* ; */ select $$;$$ -- ;\n",
            &["select ';'", "select $$;$$"],
            &[],
        );
        check(
            "create rule r as on insert to t do (select 1; select 2); x",
            &[
                "create rule r as on insert to t do (select 1; select 2)",
                "x",
            ],
            &[],
        );
        let function = "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql \
                        BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END";
        check(
            &format!("{function}; begin; end;"),
            &[function, "begin", "end"],
            &[],
        );
    }

    #[test]
    fn copy_rows_are_left_out() {
        let sql = "COPY t (a) FROM stdin;\r\n1;'\r\n\\.\r\nselect 1;";
        check(sql, &["COPY t (a) FROM stdin", "select 1"], &["copy-data"]);
        let data = split(sql).statements[0].data.expect("data");
        assert_eq!(data.of(sql), "1;'\r\n");
        check(
            "copy t from stdin;\n\\.\nx",
            &["copy t from stdin", "x"],
            &["copy-data"],
        );
        check("copy t from '/x'; x", &["copy t from '/x'", "x"], &[]);
    }

    #[test]
    fn what_is_never_closed_does_not_hide_the_rest() {
        check(
            "a (b; -- c\nselect (1); d",
            &["a (b", "select (1)", "d"],
            &["syntax"],
        );
        check("a; select 'x", &["a", "select 'x"], &["syntax"]);
        check("a; b (c", &["a", "b (c"], &["syntax"]);
        check("a); b", &["a)", "b"], &[]);
        check(
            "\\connect x\nselect 1; \\restrict abc",
            &["select 1"],
            &["psql-command", "psql-command"],
        );
        check("select /* 1;", &["select"], &["syntax"]);
        check("select { 1", &["select { 1"], &["syntax"]);
    }

    #[test]
    fn comments_survive_a_recovery_once() {
        let sql = "-- 1\na (b; -- 2\nc; -- 3";
        let comments: Vec<_> = split(sql).comments.iter().map(|c| c.span.of(sql)).collect();
        assert_eq!(comments, ["-- 1", "-- 2", "-- 3"]);
    }
}
