//! Places in the text of a statement, comments and quoted parts left out.

use crate::source::Span;

/// Where a key word stands first, in any case of letters.
pub(super) fn find(text: &str, word: &str) -> Option<Span> {
    words(text).find(|span| span.of(text).eq_ignore_ascii_case(word))
}

/// Where a character stands first outside of comments, quotes and parentheses.
pub(super) fn find_char(text: &str, wanted: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if let Some(end) = skipped(text, at) {
            at = end;
            continue;
        }
        if bytes[at] == wanted {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// A word put behind the first `after`, which must be there.
pub(super) fn insert_after(text: &str, after: &str, word: &str) -> Option<String> {
    let at = find(text, after)?.end;
    Some(format!("{} {word}{}", &text[..at], &text[at..]))
}

/// The words outside of comments and quotes.
fn words(text: &str) -> impl Iterator<Item = Span> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let bytes = text.as_bytes();
        while at < bytes.len() {
            if let Some(end) = skipped(text, at) {
                at = end;
                continue;
            }
            if bytes[at].is_ascii_alphabetic() || bytes[at] == b'_' || bytes[at] >= 0x80 {
                let start = at;
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric()
                        || matches!(bytes[at], b'_' | b'$')
                        || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                return Some(Span::new(start, at));
            }
            at += 1;
        }
        None
    })
}

/// The end of a comment or of a quoted part that starts here.
fn skipped(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    if rest.starts_with(b"--") {
        let line = rest.iter().position(|byte| *byte == b'\n');
        return Some(line.map_or(text.len(), |line| at + line));
    }
    if rest.starts_with(b"/*") {
        let mut depth = 0_usize;
        let mut inner = 0;
        while inner < rest.len() {
            if rest[inner..].starts_with(b"/*") {
                depth += 1;
                inner += 2;
            } else if rest[inner..].starts_with(b"*/") {
                depth -= 1;
                inner += 2;
                if depth == 0 {
                    return Some(at + inner);
                }
            } else {
                inner += 1;
            }
        }
        return Some(text.len());
    }
    let quote = *rest.first()?;
    if matches!(quote, b'\'' | b'"') {
        let close = rest[1..].iter().position(|byte| *byte == quote);
        return Some(close.map_or(text.len(), |close| at + close + 2));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_comments_and_quotes_do_not_count() {
        let text = "CREATE /* index /* INDEX */ */ \"index\" -- INDEX\n index é.x";
        let at = find(text, "INDEX").unwrap();
        assert_eq!((at.of(text), &text[at.end..]), ("index", " é.x"));
        assert_eq!(
            insert_after("drop INDEX a", "index", "X").unwrap(),
            "drop INDEX X a"
        );
        assert_eq!(find_char("/*,*/ ',' -- ,\n,", b','), Some(15));
        assert_eq!(find("'INDEX'", "INDEX"), None);
    }
}
