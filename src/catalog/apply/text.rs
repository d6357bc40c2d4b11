//! Words of SQL text: what is outside strings, dollar quotes and comments.

use crate::ident::Ident;

/// A piece of SQL text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece<'a> {
    /// A key word or an identifier, as written.
    Word(&'a str),
    /// An identifier in double quotes, with them.
    Quoted(&'a str),
    /// A string, a dollar-quoted string or a comment.
    Inert(&'a str),
    /// One other character.
    Other(&'a str),
}

fn pieces<'a>(text: &'a str) -> impl Iterator<Item = Piece<'a>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let (length, make): (usize, fn(&'a str) -> Piece<'a>) = if first == '\'' {
            (quoted_length(rest, '\''), Piece::Inert)
        } else if first == '"' {
            (quoted_length(rest, '"'), Piece::Quoted)
        } else if rest.starts_with("--") {
            (rest.find('\n').unwrap_or(rest.len()), Piece::Inert)
        } else if rest.starts_with("/*") {
            (
                rest.find("*/").map_or(rest.len(), |at| at + 2),
                Piece::Inert,
            )
        } else if let Some(length) = dollar_quoted(rest) {
            (length, Piece::Inert)
        } else if is_word(first) {
            let end = rest
                .find(|c: char| !is_word(c) && c != '$')
                .unwrap_or(rest.len());
            (end, Piece::Word)
        } else {
            (first.len_utf8(), Piece::Other)
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        Some(make(piece))
    })
}

/// The length of a quoted piece; a doubled quote is part of it.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            if chars.peek().is_some_and(|(_, next)| *next == quote) {
                chars.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}

fn dollar_quoted(text: &str) -> Option<usize> {
    let after = text.strip_prefix('$')?;
    let tag_end = after.find('$')?;
    let tag = &text[..tag_end + 2];
    let is_tag = tag[1..=tag_end]
        .chars()
        .all(|c| c.is_alphanumeric() || c == '_')
        && !tag[1..].starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let body = &text[tag.len()..];
    Some(tag.len() + body.find(tag).map_or(body.len(), |at| at + tag.len()))
}

/// The unquoted words, in lower case.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    pieces(text).filter_map(|piece| match piece {
        Piece::Word(word) => Some(word.to_ascii_lowercase()),
        Piece::Quoted(_) | Piece::Inert(_) | Piece::Other(_) => None,
    })
}

/// Every name in the text, quoted or not, as the catalog would store it.
pub(super) fn names(text: &str) -> impl Iterator<Item = Ident> + '_ {
    pieces(text).filter_map(|piece| match piece {
        Piece::Word(word) => Some(Ident::folded(word)),
        Piece::Quoted(name) => Some(unquote(name)),
        Piece::Inert(_) | Piece::Other(_) => None,
    })
}

/// A partition key without the parentheses around single columns: `((a), (b COLLATE "C"))` is a list
/// of columns, as the server takes it (`ComputePartitionAttrs` in `tablecmds.c`).
pub(super) fn plain_key(text: &str) -> String {
    let mut kept: Vec<Piece<'_>> = pieces(text).collect();
    while let Some((open, close)) = needless(&kept) {
        kept.remove(close);
        kept.remove(open);
    }
    let kept = kept.into_iter().map(|piece| {
        let (Piece::Word(text) | Piece::Quoted(text) | Piece::Inert(text) | Piece::Other(text)) =
            piece;
        text
    });
    kept.collect()
}

/// The places of parentheses at the start of an element of a list, around a column alone.
fn needless(all: &[Piece<'_>]) -> Option<(usize, usize)> {
    let is_space = |piece: &Piece<'_>| match piece {
        Piece::Other(text) => text.trim().is_empty(),
        Piece::Inert(text) => text.starts_with("--") || text.starts_with("/*"),
        Piece::Word(_) | Piece::Quoted(_) => false,
    };
    let solid: Vec<(usize, Piece<'_>)> = all
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, piece)| !is_space(piece))
        .collect();
    let at = |place: usize| solid.get(place).map(|(_, piece)| *piece);
    let is_name = |piece: Option<Piece<'_>>| match piece {
        Some(Piece::Word(word)) => !word.starts_with(|c: char| c.is_ascii_digit()),
        Some(Piece::Quoted(_)) => true,
        Some(Piece::Inert(_) | Piece::Other(_)) | None => false,
    };
    for place in 1..solid.len() {
        let starts = matches!(at(place - 1), Some(Piece::Other("(" | ",")));
        if !starts || at(place) != Some(Piece::Other("(")) || !is_name(at(place + 1)) {
            continue;
        }
        let mut end = place + 2;
        if matches!(at(end), Some(Piece::Word(word)) if word.eq_ignore_ascii_case("collate")) {
            end += 2;
            while at(end) == Some(Piece::Other(".")) {
                end += 2;
            }
        }
        if at(end) == Some(Piece::Other(")")) {
            return Some((solid.get(place)?.0, solid.get(end)?.0));
        }
    }
    None
}

/// The text before and behind the first unquoted mention of a key word.
pub(super) fn split_at_word<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    for piece in pieces(text) {
        let (Piece::Word(written)
        | Piece::Quoted(written)
        | Piece::Inert(written)
        | Piece::Other(written)) = piece;
        let end = at + written.len();
        if piece == Piece::Word(written) && written.eq_ignore_ascii_case(word) {
            return Some((&text[..at], &text[end..]));
        }
        at = end;
    }
    None
}

/// What the first dollar-quoted or quoted string behind AS holds: the body of a function.
pub(super) fn body(text: &str) -> Option<&str> {
    let mut seen_as = false;
    for piece in pieces(text) {
        match piece {
            Piece::Word(word) if word.eq_ignore_ascii_case("as") => seen_as = true,
            Piece::Inert(text) if seen_as && !text.starts_with("--") && !text.starts_with("/*") => {
                return inside(text);
            }
            Piece::Word(_) | Piece::Quoted(_) | Piece::Inert(_) | Piece::Other(_) => {}
        }
    }
    None
}

/// What the first string in the text holds: the code of a block.
pub(super) fn block(text: &str) -> Option<&str> {
    let literal = pieces(text).find_map(|piece| match piece {
        Piece::Inert(text) if !text.starts_with("--") && !text.starts_with("/*") => Some(text),
        Piece::Word(_) | Piece::Quoted(_) | Piece::Inert(_) | Piece::Other(_) => None,
    })?;
    inside(literal)
}

/// What a literal holds.
fn inside(literal: &str) -> Option<&str> {
    let open = match literal.strip_prefix('$') {
        Some(tagged) => tagged.find('$')? + 2,
        None => 1,
    };
    literal.get(open..literal.len().saturating_sub(open))
}

/// The text with every mention of the name `from` replaced; not those that are called like a
/// function.
pub(super) fn renamed(text: &str, from: &Ident, to: &Ident) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut pieces = pieces(text).peekable();
    while let Some(piece) = pieces.next() {
        let (written, name) = match piece {
            Piece::Word(word) => (word, Some(Ident::folded(word))),
            Piece::Quoted(name) => (name, Some(unquote(name))),
            Piece::Inert(text) | Piece::Other(text) => (text, None),
        };
        let called = pieces.peek() == Some(&Piece::Other("("));
        if name.as_ref() == Some(from) && !called {
            out.push_str(&to.quoted());
        } else {
            out.push_str(written);
        }
    }
    out
}

fn unquote(name: &str) -> Ident {
    Ident::exact(name.trim_matches('"').replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_in_parentheses_is_a_column() {
        for (text, expected) in [
            ("((a))", "(a)"),
            (
                "( ((a)) , lower(b), (\"B x\" COLLATE pg_catalog.\"C\") text_ops)",
                "( a , lower(b), \"B x\" COLLATE pg_catalog.\"C\" text_ops)",
            ),
            ("((a + 1), (f(a)), (1))", "((a + 1), (f(a)), (1))"),
            ("((a /* ) */))", "(a /* ) */)"),
        ] {
            assert_eq!(plain_key(text), expected);
        }
    }

    #[test]
    fn only_names_are_renamed() {
        let rename = |text: &str| renamed(text, &Ident::exact("a"), &Ident::exact("B c"));
        assert_eq!(
            rename("a > 'a' AND \"a\" <> ab OR A(x) = $$a$$ -- a"),
            "\"B c\" > 'a' AND \"B c\" <> ab OR A(x) = $$a$$ -- a"
        );
    }

    #[test]
    fn a_text_is_split_at_a_key_word() {
        assert_eq!(
            split_at_word("VIEW \"as\" /* as */ AS SELECT 1 as x", "as"),
            Some(("VIEW \"as\" /* as */ ", " SELECT 1 as x"))
        );
        assert_eq!(split_at_word("VIEW basic", "as"), None);
    }

    #[test]
    fn words_and_bodies_are_found() {
        let text = "CREATE FUNCTION f() RETURNS text STABLE AS $x$ SELECT 'volatile' $x$";
        assert!(words(text).any(|word| word == "stable"));
        assert!(!words(text).any(|word| word == "volatile"));
        assert_eq!(body(text), Some(" SELECT 'volatile' "));
        assert_eq!(
            block("DO /* x */ $d$ BEGIN $d$ LANGUAGE a"),
            Some(" BEGIN ")
        );
        assert_eq!(block("DO 'BEGIN'"), Some("BEGIN"));
    }
}
