//! Names as they are written, before the server folds and cuts them.
//!
//! An [`Ident`] is a name as it is stored; here is what of the writing is lost on the way.

use crate::{
    ident::Ident,
    parse::{
        cursor::{decode_unicode, unquote_raw},
        keywords,
        tokens::{self, Token, TokenKind},
    },
    source::Span,
};

/// A word or a quoted name of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<'a> {
    /// Its bytes.
    pub span: Span,
    /// As written, its quotes included.
    pub text: &'a str,
    /// The whole name, unquoted, or folded when it has no quotes; not cut.
    pub name: String,
    /// Whether it has quotes.
    pub quoted: bool,
    /// Whether an opening parenthesis follows, as after the name of a function that is called.
    pub called: bool,
    /// Whether it stands behind a dot, so that what is before it is a schema or the like.
    pub behind_dot: bool,
}

impl Written<'_> {
    /// As the server stores it.
    pub fn stored(&self) -> Ident {
        Ident::exact(&self.name)
    }
}

/// Every word and quoted name of a text in order, key words too; none of comments and constants.
pub fn written(text: &str) -> Vec<Written<'_>> {
    let list = tokens::tokens(text);
    list.iter()
        .enumerate()
        .filter_map(|(at, token)| {
            let word = token.text(text);
            let (name, quoted) = match token.kind {
                TokenKind::Word => (word.to_ascii_lowercase(), false),
                TokenKind::QuotedName => (unquote_raw(word), true),
                TokenKind::UnicodeName => {
                    let escape = unicode_escape(text, list.get(at + 1..).unwrap_or_default());
                    let quoted = word.get(2..).unwrap_or_default();
                    (decode_unicode(quoted, escape), true)
                }
                TokenKind::Number
                | TokenKind::String
                | TokenKind::EscapeString
                | TokenKind::BitString
                | TokenKind::DollarString
                | TokenKind::Parameter
                | TokenKind::Operator
                | TokenKind::DoubleColon
                | TokenKind::Colon
                | TokenKind::LeftParen
                | TokenKind::RightParen
                | TokenKind::LeftBracket
                | TokenKind::RightBracket
                | TokenKind::Comma
                | TokenKind::Semicolon
                | TokenKind::Dot
                | TokenKind::Unterminated
                | TokenKind::Unknown => return None,
            };
            let next = list.get(at + 1);
            let last = at.checked_sub(1).and_then(|at| list.get(at));
            Some(Written {
                span: token.span,
                text: word,
                name,
                quoted,
                called: next.is_some_and(|next| next.kind == TokenKind::LeftParen),
                behind_dot: last.is_some_and(|last| last.kind == TokenKind::Dot),
            })
        })
        .collect()
}

/// The escape character of a `U&"…"`, by what follows it.
fn unicode_escape(text: &str, behind: &[Token]) -> char {
    let given = match behind {
        [word, escape, ..] if word.text(text).eq_ignore_ascii_case("uescape") => {
            escape.text(text).chars().nth(1)
        }
        _ => None,
    };
    given.unwrap_or('\\')
}

/// Whether a name can stand for a table or a column only in quotes, and why not.
pub fn must_be_quoted(name: &str) -> Option<Quoting> {
    let starts = |c: char| c.is_ascii_lowercase() || c == '_' || !c.is_ascii();
    let goes_on = |c: char| starts(c) || c.is_ascii_digit() || c == '$';
    if name.chars().any(|c| c.is_ascii_uppercase()) {
        Some(Quoting::Capitals)
    } else if !name.starts_with(starts) || !name.chars().all(goes_on) {
        Some(Quoting::Characters)
    } else {
        keywords::is_reserved(name).then_some(Quoting::Reserved)
    }
}

/// Why a name can only stand in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quoting {
    /// It is a key word that is reserved.
    Reserved,
    /// It has capital letters, which would be folded.
    Capitals,
    /// It has characters that a name without quotes cannot have.
    Characters,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_seen_as_written() {
        let names: Vec<(String, bool, bool)> =
            written("SELECT Foo(\"B\"\"c\") -- x\n, 'y', $$z$$ FROM T")
                .into_iter()
                .map(|one| (one.name, one.quoted, one.called))
                .collect();
        let expected = [
            ("select", false, false),
            ("foo", false, true),
            ("B\"c", true, false),
            ("from", false, false),
            ("t", false, false),
        ];
        assert_eq!(
            names,
            expected.map(|(name, quoted, called)| (name.to_owned(), quoted, called))
        );
    }

    #[test]
    fn quotes_are_needed_where_the_server_needs_them() {
        for (name, expected) in [
            ("users", None),
            ("größe", None),
            ("a$1", None),
            ("position", None),
            ("time", None),
            ("order", Some(Quoting::Reserved)),
            ("left", Some(Quoting::Reserved)),
            ("userId", Some(Quoting::Capitals)),
            ("1st", Some(Quoting::Characters)),
            ("a b", Some(Quoting::Characters)),
            ("", Some(Quoting::Characters)),
        ] {
            assert_eq!(must_be_quoted(name), expected, "{name}");
        }
    }
}
