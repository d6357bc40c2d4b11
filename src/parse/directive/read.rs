//! Reads directives from line comments.

use super::{Directive, DirectiveKind, PhaseName, Strategy};
use crate::{
    diagnostic::{Diagnostic, Level},
    ident::Ident,
    parse::{
        cursor::Cursor,
        expr,
        tokens::{self, TokenKind},
    },
    source::Span,
};

/// The words a directive can start with.
const WORDS: &[&str] = &[
    "up", "down", "phase", "strategy", "once", "sync", "allow", "file",
];

/// What a directive is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Statement,
    File,
}

/// The comment of a directive: its bytes, and its text behind `zdm:` in place, with everything
/// before it and the comment signs of continuations blanked so that offsets are those of `span`.
pub(super) struct Comment {
    pub(super) span: Span,
    pub(super) text: String,
}

/// Reads one directive. More than one comes from `allow(a, b)`.
pub(super) fn read(comment: &Comment) -> Result<(Scope, Vec<Directive>), Diagnostic> {
    let mut body = Body { comment, at: 0 };
    let (mut word, mut at) = body.word();
    let mut scope = Scope::Statement;
    if word == "file" {
        scope = Scope::File;
        (word, at) = body.word();
    }
    let kinds = match word.as_str() {
        "up" | "down" => vec![body.value(&word)?],
        "phase" => {
            let name = body.choice(&PhaseName::ALL.map(PhaseName::as_str), "phase")?;
            vec![DirectiveKind::Phase(PhaseName::ALL[name])]
        }
        "strategy" => {
            let name = body.choice(&Strategy::ALL.map(Strategy::as_str), "strategy")?;
            vec![DirectiveKind::Strategy(Strategy::ALL[name])]
        }
        "once" => vec![body.once()?],
        "sync" => vec![body.sync()?],
        "allow" => body.allow()?,
        "" => {
            return Err(body
                .error("invalid-directive", "This directive says nothing.")
                .with_help(format!("Write one of {}.", WORDS.join(", "))));
        }
        unknown => {
            let mut message = format!("There is no directive `{unknown}`.");
            let near = WORDS
                .iter()
                .map(|word| (strsim::damerau_levenshtein(unknown, word), *word))
                .filter(|(distance, word)| *distance <= 2 && distance * 2 <= word.len())
                .min();
            if let Some((_, near)) = near {
                message = format!("{message} Did you mean `{near}`?");
            }
            let start = comment.span.start + at;
            return Err(Diagnostic::new(
                "unknown-directive",
                Level::Error,
                Span::new(start, start + unknown.len()),
                message,
            )
            .with_help(format!("Write one of {}.", WORDS.join(", "))));
        }
    };
    let directives = kinds
        .into_iter()
        .map(|kind| Directive {
            span: comment.span,
            kind,
        })
        .collect();
    Ok((scope, directives))
}

struct Body<'a> {
    comment: &'a Comment,
    at: usize,
}

impl Body<'_> {
    fn rest(&self) -> &str {
        self.comment.text.get(self.at..).unwrap_or("")
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// The next word in lower case, and where it starts.
    fn word(&mut self) -> (String, usize) {
        self.skip_space();
        let at = self.at;
        let word: String = self
            .rest()
            .chars()
            .take_while(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | ',' | ';'))
            .collect();
        self.at += word.len();
        (word.to_ascii_lowercase(), at)
    }

    fn error(&self, rule: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(rule, Level::Error, self.comment.span, message)
    }

    /// Fails unless nothing is left.
    fn end(&mut self) -> Result<(), Diagnostic> {
        self.skip_space();
        let rest = self.rest().trim_end().trim_end_matches(';').trim_end();
        if rest.is_empty() {
            return Ok(());
        }
        Err(self
            .error(
                "invalid-directive",
                format!("This directive ends before `{rest}`."),
            )
            .with_help("Take the rest out, or put it in a comment of its own."))
    }

    fn choice(&mut self, choices: &[&str], what: &str) -> Result<usize, Diagnostic> {
        let (word, _) = self.word();
        match choices.iter().position(|choice| *choice == word) {
            Some(found) => {
                self.end()?;
                Ok(found)
            }
            None => Err(self
                .error(
                    "invalid-directive",
                    if word.is_empty() {
                        format!("This directive does not say which {what}.")
                    } else {
                        format!("There is no {what} `{word}`.")
                    },
                )
                .with_help(format!("Write one of {}.", choices.join(", ")))),
        }
    }

    /// `up[(column)] expr` and `down[(column)] expr`.
    fn value(&mut self, word: &str) -> Result<DirectiveKind, Diagnostic> {
        let column = self.column();
        self.skip_space();
        let start = self.at;
        let text = self.rest().trim_end();
        let text = text.strip_suffix(';').unwrap_or(text).trim_end().to_owned();
        let tokens = tokens::tokens(&text);
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            return Err(self
                .error("invalid-directive", "This directive has no expression.")
                .with_help(format!("Write `-- zdm: {word} <expression>`.")));
        };
        let inside = first.span.to(last.span);
        let mut depth = 0i32;
        let mut sound = true;
        for token in &tokens {
            match token.kind {
                TokenKind::LeftParen | TokenKind::LeftBracket => depth += 1,
                TokenKind::RightParen | TokenKind::RightBracket => depth -= 1,
                TokenKind::Semicolon | TokenKind::Unterminated | TokenKind::Unknown => {
                    sound = false;
                }
                _ => {}
            }
            sound &= depth >= 0;
        }
        if !sound || depth != 0 {
            return Err(self
                .error("invalid-directive", "This is not one whole expression.")
                .with_help("Close what is open, and write one expression only."));
        }
        let at = self.comment.span.start + start;
        let expr = expr::expr_from_span(
            Span::new(at + inside.start, at + inside.end),
            inside.of(&text).to_owned(),
        );
        Ok(if word == "up" {
            DirectiveKind::Up { column, expr }
        } else {
            DirectiveKind::Down { column, expr }
        })
    }

    /// `(column)` right behind the word, with something behind it.
    fn column(&mut self) -> Option<Ident> {
        let rest = self.rest();
        if !rest.starts_with('(') {
            return None;
        }
        let list = tokens::tokens(rest);
        let mut cursor = Cursor::new(rest, &list);
        cursor.bump();
        let column = cursor.name("a column").ok()?;
        let close = cursor.peek()?;
        let expression_follows = close.kind == TokenKind::RightParen
            && cursor
                .peek_at(1)
                .is_none_or(|next| !continues(next.kind) && next.span.start > close.span.end);
        if !expression_follows {
            return None;
        }
        self.at += close.span.end;
        Some(column)
    }

    fn once(&mut self) -> Result<DirectiveKind, Diagnostic> {
        let (word, _) = self.word();
        let rest = self.rest().to_owned();
        let list = tokens::tokens(&rest);
        let mut cursor = Cursor::new(&rest, &list);
        let key = cursor.name("a key");
        cursor.eat_kind(TokenKind::Semicolon);
        match key {
            Ok(key) if word == "using" && cursor.at_end() => Ok(DirectiveKind::Once { key }),
            _ => Err(self
                .error("invalid-directive", "This directive does not name a key.")
                .with_help("Write `-- zdm: once using <key column>`.")),
        }
    }

    fn sync(&mut self) -> Result<DirectiveKind, Diagnostic> {
        let rest = self.rest().trim().trim_end_matches(';').trim_end();
        let words: Vec<&str> = rest.split_whitespace().collect();
        let complete = matches!(words.as_slice(), [_, "->", _, using, _, ..]
            if using.eq_ignore_ascii_case("using"));
        if complete {
            return Ok(DirectiveKind::Sync(words.join(" ")));
        }
        Err(self
            .error(
                "invalid-directive",
                "This directive does not say what is kept in step with what.",
            )
            .with_help("Write `-- zdm: sync a.x -> b.y using <key>`."))
    }

    /// `allow(rule, …) because …`.
    fn allow(&mut self) -> Result<Vec<DirectiveKind>, Diagnostic> {
        let wrong = |body: &Self, message: &str| {
            Err(body
                .error("invalid-directive", message)
                .with_help("Write `-- zdm: allow(<rule>) because <reason>`."))
        };
        self.skip_space();
        let rest = self.rest();
        let Some((rules, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        else {
            return wrong(self, "This directive does not say which rule it allows.");
        };
        let rules: Vec<String> = rules
            .split(',')
            .map(|rule| rule.trim().to_ascii_lowercase())
            .collect();
        if rules.iter().any(|rule| {
            rule.is_empty() || !rule.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        }) {
            return wrong(self, "This directive does not say which rule it allows.");
        }
        let after = after.trim();
        let reason = after
            .get(..7)
            .filter(|word| word.eq_ignore_ascii_case("because"))
            .and_then(|_| after.get(7..))
            .filter(|reason| reason.starts_with(char::is_whitespace))
            .map_or("", str::trim);
        if reason.is_empty() {
            return wrong(self, "This directive gives no reason.");
        }
        let because = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(rules
            .into_iter()
            .map(|rule| DirectiveKind::Allow {
                rule,
                because: because.clone(),
            })
            .collect())
    }
}

/// Whether a token behind `(name)` makes the parentheses a part of the expression.
fn continues(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Operator
            | TokenKind::DoubleColon
            | TokenKind::Dot
            | TokenKind::LeftBracket
            | TokenKind::Comma
    )
}
