//! String constants: their values, and what code they hold.

use crate::parse::{
    cursor::{Cursor, Parsed},
    tokens::{self, Token, TokenKind},
};

/// A string constant, several lines of it if need be: its value.
pub(super) fn string(cursor: &mut Cursor<'_>, what: &str) -> Parsed<String> {
    if !matches!(
        cursor.kind(),
        Some(TokenKind::String | TokenKind::EscapeString | TokenKind::DollarString)
    ) {
        return Err(cursor.expected(what));
    }
    let mut out = String::new();
    let mut first = true;
    while let Some(token) = cursor.peek() {
        // Only quotes go on: a dollar quote stands alone.
        let goes_on = token.kind == TokenKind::String && on_its_own_line(cursor);
        if !(first || goes_on) {
            break;
        }
        out.push_str(&value(token, cursor.source()));
        first = false;
        cursor.bump();
        if token.kind == TokenKind::DollarString {
            break;
        }
    }
    if cursor.is_kw("uescape") {
        cursor.bump();
        cursor.bump();
    }
    Ok(out)
}

/// Whether the next token is on another line than the one before it.
fn on_its_own_line(cursor: &Cursor<'_>) -> bool {
    let (Some(token), Some(before)) = (cursor.peek(), cursor.index().checked_sub(1)) else {
        return false;
    };
    cursor.between(before, before + 1).first().is_some_and(|b| {
        cursor
            .source()
            .get(b.span.end..token.span.start)
            .is_some_and(|gap| gap.contains('\n'))
    })
}

/// `'text'` or `NULL`.
pub(super) fn string_or_null(cursor: &mut Cursor<'_>) -> Parsed<Option<String>> {
    if cursor.eat_kw("null") {
        return Ok(None);
    }
    string(cursor, "a string or NULL").map(Some)
}

/// What a string token stands for.
pub(super) fn value(token: Token, source: &str) -> String {
    let text = token.text(source);
    match token.kind {
        TokenKind::DollarString => {
            let tag = text[1..].find('$').map_or(0, |at| at + 2);
            text.get(tag..text.len().saturating_sub(tag))
                .unwrap_or("")
                .to_owned()
        }
        TokenKind::EscapeString => escaped(inside(text)),
        _ => inside(text).replace("''", "'"),
    }
}

fn inside(text: &str) -> &str {
    text.find('\'')
        .and_then(|at| text.get(at + 1..text.len().saturating_sub(1)))
        .unwrap_or("")
}

/// The value of what stands in `E'…'`. A byte given by its number is taken for a character.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c == '\'' {
            rest = rest.strip_prefix('\'').unwrap_or(rest);
            out.push('\'');
            continue;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let Some(next) = rest.chars().next() else {
            break;
        };
        let (skip, most, radix) = match next {
            'x' => (1, 2, 16),
            'u' => (1, 4, 16),
            'U' => (1, 8, 16),
            '0'..='7' => (0, 3, 8),
            _ => (0, 0, 10),
        };
        let digits: String = rest
            .chars()
            .skip(skip)
            .take(most)
            .take_while(|c| c.is_digit(radix))
            .collect();
        let code = u32::from_str_radix(&digits, radix)
            .ok()
            .and_then(char::from_u32);
        if let Some(code) = code {
            out.push(code);
            rest = &rest[skip + digits.len()..];
            continue;
        }
        rest = &rest[next.len_utf8()..];
        out.push(match next {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            other => other,
        });
    }
    out
}

/// The values of the string constants in a text, in order.
pub fn string_constants(text: &str) -> impl Iterator<Item = String> {
    let list = tokens::tokens(text).into_iter();
    list.filter(|token| {
        matches!(
            token.kind,
            TokenKind::String | TokenKind::EscapeString | TokenKind::DollarString
        )
    })
    .map(|token| value(token, text))
}

/// Whether PL/pgSQL code builds statements at run time. `EXECUTE FUNCTION` of a trigger that the
/// code creates is not that.
pub fn is_dynamic(code: &str) -> bool {
    let list = tokens::tokens(code);
    list.iter().enumerate().any(|(at, token)| {
        token.is_word(code, "execute")
            && !list.get(at + 1).is_some_and(|next| {
                next.is_word(code, "function") || next.is_word(code, "procedure")
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_have_the_value_the_server_gives_them() {
        for (sql, expected) in [
            ("'a''b'", "a'b"),
            ("'a\\n'", "a\\n"),
            ("E'a\\n\\x41\\101\\u00e9\\'b'", "a\nAA\u{e9}'b"),
            ("$$a'b$$", "a'b"),
            ("$x$a$$b$x$", "a$$b"),
            ("'a'\n  'b'", "ab"),
            ("N'a'", "a"),
        ] {
            let list = tokens::tokens(sql);
            let mut cursor = Cursor::new(sql, &list);
            assert_eq!(
                string(&mut cursor, "a string").expect(sql),
                expected,
                "{sql}"
            );
            assert!(cursor.at_end(), "{sql}");
        }
    }

    #[test]
    fn statements_built_at_run_time_are_seen() {
        assert!(is_dynamic("BEGIN EXECUTE format('DROP TABLE %I', t); END"));
        assert!(!is_dynamic("BEGIN PERFORM 'execute'; END"));
        assert!(!is_dynamic(
            "CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f()"
        ));
    }
}
