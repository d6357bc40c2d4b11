//! Source text to tokens, by the rules of PostgreSQL's own scanner (`src/backend/parser/scan.l`).
//!
//! Tokens carry byte ranges only; their text is always taken from the source. Comments and psql
//! commands are kept apart, with their ranges. It never fails: a literal without its end becomes
//! one token up to the end of the text, marked as such, and a byte that starts no token becomes a
//! token of its own.
//! `sqlparser` has a tokenizer too; this one exists because checksums are made from tokens and
//! must not change with a library, and because it keeps exact byte ranges and survives errors.
//! Next: [`super::split`] cuts tokens into statements, [`super::cursor`] walks them.

use crate::source::Span;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TokenKind {
    /// An unquoted word: a key word or a name.
    Word,
    /// `"name"`.
    QuotedName,
    /// `U&"name"`.
    UnicodeName,
    /// A number.
    Number,
    /// `'text'`, also with the prefixes `N` and `U&`.
    String,
    /// `E'text'`.
    EscapeString,
    /// `B'01'` or `X'1F'`.
    BitString,
    /// `$tag$text$tag$`.
    DollarString,
    /// `$1`.
    Parameter,
    /// `+`, `<=`, `->>`, `=>`, `:=` …
    Operator,
    /// `::`.
    DoubleColon,
    /// `:`.
    Colon,
    /// `(`.
    LeftParen,
    /// `)`.
    RightParen,
    /// `[`.
    LeftBracket,
    /// `]`.
    RightBracket,
    /// `,`.
    Comma,
    /// `;`.
    Semicolon,
    /// `.`.
    Dot,
    /// A literal or quoted name that never ends.
    Unterminated,
    /// A character that starts no token.
    Unknown,
}

impl TokenKind {
    /// Whether it is a constant of a string type, of which `date '…'` and its like are made.
    pub(crate) fn is_string(self) -> bool {
        matches!(
            self,
            Self::String | Self::EscapeString | Self::DollarString | Self::BitString
        )
    }
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    /// What it is.
    pub(crate) kind: TokenKind,
    /// Its bytes. Never empty.
    pub(crate) span: Span,
}

impl Token {
    /// Its text.
    pub(crate) fn text(self, source: &str) -> &str {
        self.span.of(source)
    }

    /// Whether it is the given unquoted word, in any case.
    pub(crate) fn is_word(self, source: &str, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text(source).eq_ignore_ascii_case(word)
    }
}

/// What lies between tokens and matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum TriviaKind {
    /// `-- …`, without the line break.
    LineComment,
    /// `/* … */`, nested ones included.
    BlockComment,
    /// `/* …` that never ends.
    UnterminatedComment,
    /// `\…` up to the end of the line.
    PsqlCommand,
}

/// A comment or psql command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trivia {
    /// What it is.
    pub(crate) kind: TriviaKind,
    /// Its bytes.
    pub(crate) span: Span,
}

/// One piece of a text, as [`Lexer`] hands them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A token.
    Token(Token),
    /// A comment or psql command.
    Trivia(Trivia),
}

/// The tokens of a text, without comments.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    Lexer::new(source)
        .filter_map(|piece| match piece {
            Piece::Token(token) => Some(token),
            Piece::Trivia(_) => None,
        })
        .collect()
}

/// Walks a text piece by piece.
pub(crate) struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at the beginning; a byte order mark there is skipped, as psql does.
    pub(crate) fn new(source: &'a str) -> Self {
        let at = if source.starts_with('\u{feff}') { 3 } else { 0 };
        Self { source, at }
    }

    /// Where the next piece would start, white space included.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Goes on at another place, which must be a character boundary.
    pub(crate) fn seek(&mut self, at: usize) {
        self.at = at.min(self.source.len());
        while !self.source.is_char_boundary(self.at) {
            self.at += 1;
        }
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.source.as_bytes().get(at).copied()
    }

    fn rest(&self, at: usize) -> &'a str {
        self.source.get(at..).unwrap_or("")
    }

    fn end(&self) -> usize {
        self.source.len()
    }

    /// The end of a line, without its line break (`\n`, `\r\n`).
    fn line_end(&self, at: usize) -> usize {
        let rest = self.rest(at);
        at + rest.find(['\n', '\r']).unwrap_or(rest.len())
    }

    /// The end of a block comment that starts at `at`; comments nest.
    fn block_comment_end(&self, at: usize) -> Option<usize> {
        let mut depth = 0usize;
        let mut here = at;
        loop {
            match (self.byte(here)?, self.byte(here + 1)) {
                (b'/', Some(b'*')) => {
                    depth += 1;
                    here += 2;
                }
                (b'*', Some(b'/')) => {
                    depth -= 1;
                    here += 2;
                    if depth == 0 {
                        return Some(here);
                    }
                }
                _ => here += 1,
            }
        }
    }

    /// The end of something in quotes that opens at `at`; the quote doubled stands for itself.
    fn quoted_end(&self, at: usize, quote: u8, escapes: Escapes) -> Option<usize> {
        let mut here = at + 1;
        loop {
            let byte = self.byte(here)?;
            if byte == quote {
                if self.byte(here + 1) == Some(quote) {
                    here += 2;
                } else {
                    return Some(here + 1);
                }
            } else if byte == b'\\' && escapes == Escapes::Backslash {
                here += 2;
            } else {
                here += 1;
            }
        }
    }

    fn quoted(&self, start: usize, at: usize, kind: TokenKind, escapes: Escapes) -> Token {
        let quote = self.byte(at).unwrap_or(b'\'');
        match self.quoted_end(at, quote, escapes) {
            Some(end) if end <= self.end() => token(kind, start, end),
            _ => token(TokenKind::Unterminated, start, self.end()),
        }
    }

    fn dollar(&self, start: usize) -> Token {
        if self.byte(start + 1).is_some_and(|b| b.is_ascii_digit()) {
            let end = self.while_bytes(start + 1, |b| b.is_ascii_digit());
            return token(TokenKind::Parameter, start, end);
        }
        let tag_end = if self.byte(start + 1).is_some_and(starts_word) {
            self.while_bytes(start + 1, |b| starts_word(b) || b.is_ascii_digit())
        } else {
            start + 1
        };
        if self.byte(tag_end) != Some(b'$') {
            return token(TokenKind::Unknown, start, start + 1);
        }
        let tag = &self.source[start..=tag_end];
        match self.rest(tag_end + 1).find(tag) {
            Some(found) => token(
                TokenKind::DollarString,
                start,
                tag_end + 1 + found + tag.len(),
            ),
            None => token(TokenKind::Unterminated, start, self.end()),
        }
    }

    fn while_bytes(&self, from: usize, keep: impl Fn(u8) -> bool) -> usize {
        let mut at = from;
        while self.byte(at).is_some_and(&keep) {
            at += 1;
        }
        at
    }

    fn number(&self, start: usize) -> Token {
        let digits = |at: usize, keep: fn(u8) -> bool| {
            let mut at = at;
            while let Some(byte) = self.byte(at) {
                let separated = byte == b'_' && self.byte(at + 1).is_some_and(keep);
                if !keep(byte) && !separated {
                    break;
                }
                at += 1;
            }
            at
        };
        if self.byte(start) == Some(b'0') {
            let radix: Option<fn(u8) -> bool> = match self.byte(start + 1) {
                Some(b'x' | b'X') => Some(|b| b.is_ascii_hexdigit()),
                Some(b'o' | b'O') => Some(|b| (b'0'..=b'7').contains(&b)),
                Some(b'b' | b'B') => Some(|b| matches!(b, b'0' | b'1')),
                _ => None,
            };
            if let Some(keep) = radix {
                let end = digits(start + 2, keep);
                if end > start + 2 {
                    return token(TokenKind::Number, start, end);
                }
            }
        }
        let decimal: fn(u8) -> bool = |b| b.is_ascii_digit();
        let mut end = digits(start, decimal);
        if self.byte(end) == Some(b'.') && self.byte(end + 1) != Some(b'.') {
            end = digits(end + 1, decimal);
        }
        if matches!(self.byte(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(end + 1), Some(b'+' | b'-')));
            let exponent = digits(end + 1 + sign, decimal);
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        token(TokenKind::Number, start, end)
    }

    /// An operator: the longest run of operator characters that holds no comment start, and that
    /// ends in `+` or `-` only when it holds one of ``~!@#%^&|`?``.
    fn operator(&self, start: usize) -> Token {
        let mut end = self.while_bytes(start, is_operator);
        for marker in ["--", "/*"] {
            if let Some(found) = self.source[start..end].find(marker) {
                end = end.min(start + found);
            }
        }
        let special = self.source[start..end]
            .bytes()
            .any(|b| b"~!@#%^&|`?".contains(&b));
        if !special {
            while end > start + 1 && matches!(self.byte(end - 1), Some(b'+' | b'-')) {
                end -= 1;
            }
        }
        token(TokenKind::Operator, start, end.max(start + 1))
    }

    fn word(&self, start: usize) -> Token {
        let end = self.while_bytes(start, |b| starts_word(b) || b.is_ascii_digit() || b == b'$');
        let next = self.byte(end);
        if next == Some(b'\'') && end == start + 1 {
            match self.byte(start) {
                Some(b'e' | b'E') => {
                    return self.quoted(start, end, TokenKind::EscapeString, Escapes::Backslash);
                }
                Some(b'b' | b'B' | b'x' | b'X') => {
                    return self.quoted(start, end, TokenKind::BitString, Escapes::None);
                }
                Some(b'n' | b'N') => {
                    return self.quoted(start, end, TokenKind::String, Escapes::None);
                }
                _ => {}
            }
        }
        if next == Some(b'&') && end == start + 1 && matches!(self.byte(start), Some(b'u' | b'U')) {
            match self.byte(end + 1) {
                Some(b'\'') => {
                    return self.quoted(start, end + 1, TokenKind::String, Escapes::None);
                }
                Some(b'"') => {
                    return self.quoted(start, end + 1, TokenKind::UnicodeName, Escapes::None);
                }
                _ => {}
            }
        }
        token(TokenKind::Word, start, end)
    }

    fn token_at(&self, start: usize, first: u8) -> Token {
        let one = |kind| token(kind, start, start + 1);
        match first {
            b'\'' => self.quoted(start, start, TokenKind::String, Escapes::None),
            b'"' => self.quoted(start, start, TokenKind::QuotedName, Escapes::None),
            b'$' => self.dollar(start),
            b'(' => one(TokenKind::LeftParen),
            b')' => one(TokenKind::RightParen),
            b'[' => one(TokenKind::LeftBracket),
            b']' => one(TokenKind::RightBracket),
            b',' => one(TokenKind::Comma),
            b';' => one(TokenKind::Semicolon),
            b':' => match self.byte(start + 1) {
                Some(b':') => token(TokenKind::DoubleColon, start, start + 2),
                Some(b'=') => token(TokenKind::Operator, start, start + 2),
                _ => one(TokenKind::Colon),
            },
            b'.' => match self.byte(start + 1) {
                Some(b) if b.is_ascii_digit() => self.number(start),
                Some(b'.') => token(TokenKind::Operator, start, start + 2),
                _ => one(TokenKind::Dot),
            },
            b if b.is_ascii_digit() => self.number(start),
            b if is_operator(b) => self.operator(start),
            b if starts_word(b) => self.word(start),
            _ => one(TokenKind::Unknown),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        self.at = self.while_bytes(self.at, |b| {
            matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
        });
        let start = self.at;
        let first = self.byte(start)?;
        let trivia = |kind, end| {
            Piece::Trivia(Trivia {
                kind,
                span: Span::new(start, end),
            })
        };
        let rest = self.rest(start);
        let piece = if rest.starts_with("--") {
            trivia(TriviaKind::LineComment, self.line_end(start))
        } else if rest.starts_with("/*") {
            match self.block_comment_end(start) {
                Some(end) => trivia(TriviaKind::BlockComment, end),
                None => trivia(TriviaKind::UnterminatedComment, self.end()),
            }
        } else if first == b'\\' {
            trivia(TriviaKind::PsqlCommand, self.line_end(start))
        } else {
            Piece::Token(self.token_at(start, first))
        };
        self.at = match piece {
            Piece::Token(token) => token.span.end,
            Piece::Trivia(trivia) => trivia.span.end,
        };
        Some(piece)
    }
}

/// Whether a backslash escapes the next character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    Backslash,
}

fn token(kind: TokenKind, start: usize, end: usize) -> Token {
    Token {
        kind,
        span: Span::new(start, end),
    }
}

/// Every byte of a multi-byte character belongs to a word, as in PostgreSQL.
fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_operator(byte: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        tokens(sql)
            .into_iter()
            .map(|token| token.text(sql))
            .collect()
    }

    #[test]
    fn tokens_are_cut_as_postgresql_cuts_them() {
        for (sql, expected) in [
            ("a.b::int", vec!["a", ".", "b", "::", "int"]),
            (
                "'it''s' E'a\\'b' B'01' x'1F' N'q' U&'d' u&\"d\"",
                vec![
                    "'it''s'", "E'a\\'b'", "B'01'", "x'1F'", "N'q'", "U&'d'", "u&\"d\"",
                ],
            ),
            (
                "$$a;b$$ $t$ $$ $t$ $1 a$b",
                vec!["$$a;b$$", "$t$ $$ $t$", "$1", "a$b"],
            ),
            (
                "1.5 .5 1. 1e-3 0x1F 1_000 1..2 1ea",
                vec![
                    "1.5", ".5", "1.", "1e-3", "0x1F", "1_000", "1", "..", "2", "1", "ea",
                ],
            ),
            (
                "a<-1 a@-1 a*-1 x->>'y' a=-- c\n1 a::int=>b:=c",
                vec![
                    "a", "<", "-", "1", "a", "@-", "1", "a", "*", "-", "1", "x", "->>", "'y'", "a",
                    "=", "1", "a", "::", "int", "=>", "b", ":=", "c",
                ],
            ),
            (
                "/* a /* b */ c */ größe\r\n\t\"a\"\"b\"",
                vec!["größe", "\"a\"\"b\""],
            ),
            ("\u{feff}select", vec!["select"]),
            ("e 'x'", vec!["e", "'x'"]),
        ] {
            assert_eq!(texts(sql), expected, "{sql}");
        }
    }

    #[test]
    fn what_never_ends_runs_to_the_end() {
        for sql in ["'abc", "\"abc", "$x$abc", "E'abc\\'", "E'\\"] {
            let all = tokens(sql);
            assert_eq!(all.len(), 1, "{sql}");
            assert_eq!(all[0].kind, TokenKind::Unterminated);
            assert_eq!(all[0].span.end, sql.len());
        }
    }

    #[test]
    fn comments_and_psql_commands_are_kept_apart() {
        let sql = "-- a\r\n\\set x 1\n/* b */ select /* c";
        let trivia: Vec<_> = Lexer::new(sql)
            .filter_map(|piece| match piece {
                Piece::Trivia(trivia) => Some((trivia.kind, trivia.span.of(sql))),
                Piece::Token(_) => None,
            })
            .collect();
        assert_eq!(
            trivia,
            [
                (TriviaKind::LineComment, "-- a"),
                (TriviaKind::PsqlCommand, "\\set x 1"),
                (TriviaKind::BlockComment, "/* b */"),
                (TriviaKind::UnterminatedComment, "/* c"),
            ]
        );
    }
}
