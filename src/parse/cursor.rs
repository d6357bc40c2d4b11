//! A place in a statement's tokens, and the small steps every family's grammar is made of.
//!
//! A step that fails says what was expected and leaves the rest alone; it never skips a token
//! silently. Names come out folded and cut as the server does it.

use super::{
    keywords,
    tokens::{Token, TokenKind},
};
use crate::{
    ident::{Ident, QualifiedName},
    source::Span,
};

/// What was expected and not found, at which token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// The token in the way, or the last one when the statement ended too early.
    pub(crate) span: Span,
    /// What was expected and what was found.
    pub(crate) message: String,
}

/// A step of a grammar.
pub(crate) type Parsed<T> = Result<T, SyntaxError>;

/// A place in a list of tokens.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    source: &'a str,
    tokens: &'a [Token],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// Starts before the first token.
    pub(crate) fn new(source: &'a str, tokens: &'a [Token]) -> Self {
        Self {
            source,
            tokens,
            at: 0,
        }
    }

    /// The text the tokens are from.
    pub(crate) fn source(&self) -> &'a str {
        self.source
    }

    /// The number of tokens passed.
    pub(crate) fn index(&self) -> usize {
        self.at
    }

    /// Goes to the token with that number.
    pub(crate) fn seek(&mut self, index: usize) {
        self.at = index.min(self.tokens.len());
    }

    /// Whether no token is left.
    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    /// The token `ahead` places on.
    pub(crate) fn peek_at(&self, ahead: usize) -> Option<Token> {
        self.tokens.get(self.at + ahead).copied()
    }

    /// The next token.
    pub(crate) fn peek(&self) -> Option<Token> {
        self.peek_at(0)
    }

    /// What the next token is.
    pub(crate) fn kind(&self) -> Option<TokenKind> {
        self.peek().map(|token| token.kind)
    }

    /// Passes the next token.
    pub(crate) fn bump(&mut self) -> Option<Token> {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len());
        token
    }

    /// The tokens between two indexes.
    pub(crate) fn between(&self, from: usize, to: usize) -> &'a [Token] {
        self.tokens.get(from..to).unwrap_or(&[])
    }

    /// The bytes of the tokens from an index to here; empty when there are none.
    pub(crate) fn span_from(&self, index: usize) -> Span {
        span_of(self.between(index, self.at))
    }

    /// Whether the next word is `word`.
    pub(crate) fn is_kw(&self, word: &str) -> bool {
        self.is_kw_at(0, word)
    }

    /// Whether the word `ahead` places on is `word`.
    pub(crate) fn is_kw_at(&self, ahead: usize, word: &str) -> bool {
        self.peek_at(ahead)
            .is_some_and(|token| token.is_word(self.source, word))
    }

    /// Whether the next words are these.
    pub(crate) fn is_kws(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(ahead, word)| self.is_kw_at(ahead, word))
    }

    /// Whether the next word is one of these.
    pub(crate) fn is_any_kw(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_kw(word))
    }

    /// Passes the words if they are next.
    pub(crate) fn eat(&mut self, words: &[&str]) -> bool {
        let found = self.is_kws(words);
        if found {
            self.at += words.len();
        }
        found
    }

    /// Passes the word if it is next.
    pub(crate) fn eat_kw(&mut self, word: &str) -> bool {
        self.eat(&[word])
    }

    /// Passes a token of this kind if it is next.
    pub(crate) fn eat_kind(&mut self, kind: TokenKind) -> bool {
        let found = self.kind() == Some(kind);
        if found {
            self.at += 1;
        }
        found
    }

    /// Whether the next token is this operator.
    pub(crate) fn is_operator(&self, operator: &str) -> bool {
        self.peek()
            .is_some_and(|t| t.kind == TokenKind::Operator && t.text(self.source) == operator)
    }

    /// Passes this operator if it is next.
    pub(crate) fn eat_operator(&mut self, operator: &str) -> bool {
        let found = self.is_operator(operator);
        if found {
            self.at += 1;
        }
        found
    }

    /// Passes the words or fails.
    pub(crate) fn expect(&mut self, words: &[&str]) -> Parsed<()> {
        for word in words {
            if !self.eat_kw(word) {
                return Err(self.expected(&word.to_uppercase()));
            }
        }
        Ok(())
    }

    /// Passes a token of this kind or fails; `what` is how people call it.
    pub(crate) fn expect_kind(&mut self, kind: TokenKind, what: &str) -> Parsed<Token> {
        match self.peek() {
            Some(token) if token.kind == kind => {
                self.at += 1;
                Ok(token)
            }
            _ => Err(self.expected(what)),
        }
    }

    /// Fails unless every token is passed.
    pub(crate) fn expect_end(&self) -> Parsed<()> {
        if self.at_end() {
            Ok(())
        } else {
            Err(self.expected("the end of the statement"))
        }
    }

    /// The error that `what` was expected here.
    pub(crate) fn expected(&self, what: &str) -> SyntaxError {
        if let Some(token) = self.peek() {
            let text: String = token.text(self.source).chars().take(40).collect();
            return SyntaxError {
                span: token.span,
                message: format!("Expected {what}, found `{text}`."),
            };
        }
        let span = self.tokens.last().map_or_else(Span::default, |t| t.span);
        SyntaxError {
            span,
            message: format!("Expected {what}, but the statement ends here."),
        }
    }

    /// A name in a place where key words of the two reserved categories cannot stand (`ColId`).
    pub(crate) fn name(&mut self, what: &str) -> Parsed<Ident> {
        match self.peek_name() {
            Some(name) => {
                self.bump_name();
                Ok(name)
            }
            None => Err(self.expected(what)),
        }
    }

    /// The name that is next, if it is one.
    pub(crate) fn peek_name(&self) -> Option<Ident> {
        let token = self.peek()?;
        match token.kind {
            TokenKind::Word
                if keywords::is_reserved(&token.text(self.source).to_ascii_lowercase()) =>
            {
                None
            }
            _ => self.peek_label(),
        }
    }

    /// The name that is next, any word counting as one (`ColLabel`).
    pub(crate) fn peek_label(&self) -> Option<Ident> {
        let token = self.peek()?;
        let text = token.text(self.source);
        match token.kind {
            TokenKind::Word => Some(Ident::folded(text)),
            TokenKind::QuotedName => Some(unquote(text)),
            TokenKind::UnicodeName => Some(Ident::exact(decode_unicode(
                text.get(2..).unwrap_or(""),
                self.unicode_escape(),
            ))),
            _ => None,
        }
    }

    /// The escape character of the `U&"…"` that is next.
    fn unicode_escape(&self) -> char {
        if !self.is_kw_at(1, "uescape") {
            return '\\';
        }
        self.peek_at(2)
            .and_then(|token| token.text(self.source).chars().nth(1))
            .unwrap_or('\\')
    }

    /// Passes a name, with its `UESCAPE` if it has one.
    pub(crate) fn bump_name(&mut self) {
        let unicode = self.kind() == Some(TokenKind::UnicodeName);
        self.at = (self.at + 1).min(self.tokens.len());
        if unicode
            && self.is_kw("uescape")
            && self.peek_at(1).is_some_and(|t| t.kind == TokenKind::String)
        {
            self.at += 2;
        }
    }

    /// Any word or quoted name as a name.
    pub(crate) fn label(&mut self, what: &str) -> Parsed<Ident> {
        match self.peek_label() {
            Some(name) => {
                self.bump_name();
                Ok(name)
            }
            None => Err(self.expected(what)),
        }
    }

    /// `[database.][schema.]name`; the database is dropped.
    pub(crate) fn qualified(&mut self, what: &str) -> Parsed<QualifiedName> {
        let mut last = self.name(what)?;
        let mut schema = None;
        while self.eat_kind(TokenKind::Dot) {
            schema = Some(last);
            last = self.label(what)?;
        }
        Ok(QualifiedName { schema, name: last })
    }

    /// Names between parentheses, separated by commas.
    pub(crate) fn name_list(&mut self, what: &str) -> Parsed<Vec<Ident>> {
        self.list(|cursor| cursor.name(what))
    }

    /// `( item, … )`.
    pub(crate) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect_kind(TokenKind::LeftParen, "`(`")?;
        let items = self.separated(item)?;
        self.expect_kind(TokenKind::RightParen, "`,` or `)`")?;
        Ok(items)
    }

    /// `item, …`.
    pub(crate) fn separated<T>(&mut self, item: impl Fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_kind(TokenKind::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Passes `( … )` and returns the indexes of the first token inside and of the closing one.
    pub(crate) fn parenthesised(&mut self) -> Parsed<(usize, usize)> {
        if self.kind() != Some(TokenKind::LeftParen) {
            return Err(self.expected("`(`"));
        }
        let open = self.peek();
        let first = self.at + 1;
        self.skip_balanced();
        match self.tokens.get(self.at.saturating_sub(1)) {
            Some(token) if token.kind == TokenKind::RightParen && self.at > first => {
                Ok((first, self.at - 1))
            }
            _ => Err(SyntaxError {
                span: open.map_or_else(Span::default, |token| token.span),
                message: "This parenthesis is never closed.".to_owned(),
            }),
        }
    }

    /// Passes one token, or everything up to the bracket or parenthesis that closes it.
    pub(crate) fn skip_balanced(&mut self) {
        let mut depth = 0usize;
        while let Some(token) = self.bump() {
            match token.kind {
                TokenKind::LeftParen | TokenKind::LeftBracket => depth += 1,
                TokenKind::RightParen | TokenKind::RightBracket => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// Passes tokens, whole parentheses at a time, until `stop` says so or the tokens end; a
    /// closing parenthesis of an outer level always stops.
    pub(crate) fn skip_until(&mut self, mut stop: impl FnMut(&Self) -> bool) {
        while let Some(kind) = self.kind() {
            if kind == TokenKind::RightParen || stop(self) {
                return;
            }
            self.skip_balanced();
        }
    }
}

/// The bytes of some tokens; empty when there are none.
pub(crate) fn span_of(tokens: &[Token]) -> Span {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => Span::default(),
    }
}

/// A `"quoted ""name"""` as it is stored.
fn unquote(text: &str) -> Ident {
    Ident::exact(unquote_raw(text))
}

/// The inside of a `U&"…"`: `\0061` and `\+000061` stand for characters.
pub(crate) fn decode_unicode(quoted: &str, escape: char) -> String {
    let text = unquote_raw(quoted);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != escape {
            out.push(c);
            continue;
        }
        if let Some(after) = rest.strip_prefix(escape) {
            out.push(escape);
            rest = after;
            continue;
        }
        let (skip, digits) = if rest.starts_with('+') {
            (1, 6)
        } else {
            (0, 4)
        };
        let code = rest
            .get(skip..skip + digits)
            .and_then(|hex| u32::from_str_radix(hex, 16).ok())
            .and_then(char::from_u32);
        if let Some(decoded) = code {
            out.push(decoded);
            rest = &rest[skip + digits..];
        } else {
            out.push(c);
        }
    }
    out
}

/// The inside of a `"quoted ""name"""`, not cut.
pub(crate) fn unquote_raw(text: &str) -> String {
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
        .replace("\"\"", "\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tokens::tokens;

    #[test]
    fn names_are_stored_as_the_server_stores_them() {
        for (sql, expected) in [
            ("Users", "users"),
            ("\"Users\"", "Users"),
            ("\"a\"\"b\"", "a\"b"),
            ("U&\"d\\0061t\\+000061\"", "data"),
            ("U&\"d!0061ta\" UESCAPE '!'", "data"),
            ("größe", "größe"),
        ] {
            let list = tokens(sql);
            let mut cursor = Cursor::new(sql, &list);
            assert_eq!(cursor.name("a name").expect(sql).as_str(), expected);
            assert!(cursor.at_end(), "{sql}");
        }
        let list = tokens("db.s.t");
        let name = Cursor::new("db.s.t", &list)
            .qualified("a name")
            .expect("name");
        assert_eq!(name.to_string(), "s.t");
        let list = tokens("select");
        let error = Cursor::new("select", &list)
            .name("a column")
            .expect_err("reserved");
        assert_eq!(error.message, "Expected a column, found `select`.");
    }

    #[test]
    fn parentheses_are_passed_whole() {
        let sql = "(a, (b)) c";
        let list = tokens(sql);
        let mut cursor = Cursor::new(sql, &list);
        assert_eq!(cursor.parenthesised(), Ok((1, 6)));
        assert!(cursor.is_kw("c"));
        let list = tokens("(a");
        assert!(Cursor::new("(a", &list).parenthesised().is_err());
    }
}
