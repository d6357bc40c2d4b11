//! Statements kept as they are: their leading key words, and every name that could be a relation.
//!
//! Too many names are harmless here, a missing one is not: names inside the body of a `DO` block
//! or a function count, and so do strings that read like a name (`'users_id_seq'::regclass`).

use crate::{
    ident::QualifiedName,
    parse::{
        cursor::{Cursor, Parsed, SyntaxError},
        statement::{Opaque, StatementKind},
        tokens::{self, Token, TokenKind},
    },
};

/// Every first word of a PostgreSQL statement, sorted.
const STATEMENTS: &[&str] = &[
    "abort",
    "alter",
    "analyse",
    "analyze",
    "begin",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "discard",
    "do",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "import",
    "insert",
    "listen",
    "load",
    "lock",
    "merge",
    "move",
    "notify",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "select",
    "set",
    "show",
    "start",
    "table",
    "truncate",
    "unlisten",
    "update",
    "vacuum",
    "values",
    "wait",
    "with",
];

/// Every kind of object that `CREATE`, `ALTER` and `DROP` know, longest first where one starts
/// another.
const OBJECTS: &[&str] = &[
    "ACCESS METHOD",
    "AGGREGATE",
    "ASSERTION",
    "CAST",
    "COLLATION",
    "CONVERSION",
    "DATABASE",
    "DEFAULT PRIVILEGES",
    "DOMAIN",
    "EVENT TRIGGER",
    "EXTENSION",
    "FOREIGN DATA WRAPPER",
    "FOREIGN TABLE",
    "FUNCTION",
    "GROUP",
    "INDEX",
    "LANGUAGE",
    "LARGE OBJECT",
    "MATERIALIZED VIEW",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "OPERATOR",
    "POLICY",
    "PROCEDURE",
    "PUBLICATION",
    "ROLE",
    "ROUTINE",
    "RULE",
    "SCHEMA",
    "SEQUENCE",
    "SERVER",
    "STATISTICS",
    "SUBSCRIPTION",
    "SYSTEM",
    "TABLE",
    "TABLESPACE",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
    "TRANSFORM",
    "TRIGGER",
    "TYPE",
    "USER MAPPING",
    "USER",
    "VIEW",
];

/// Words between `CREATE` and the kind of object.
const MODIFIERS: &[&str] = &[
    "or",
    "replace",
    "global",
    "local",
    "temp",
    "temporary",
    "unlogged",
    "recursive",
    "trusted",
    "procedural",
    "constraint",
    "default",
    "unique",
];

/// The statement as it is.
pub(super) fn opaque(source: &str, tokens: &[Token]) -> StatementKind {
    let cursor = Cursor::new(source, tokens);
    StatementKind::Opaque(Opaque {
        keywords: keywords(&cursor),
        names: names(source, tokens),
    })
}

/// The whole statement of a cursor as it is; the cursor ends behind it.
pub(super) fn opaque_rest(cursor: &mut Cursor<'_>) -> StatementKind {
    while !cursor.at_end() {
        cursor.bump();
    }
    let tokens = cursor.between(0, cursor.index());
    opaque(cursor.source(), tokens)
}

/// A statement that PostgreSQL knows and zdm does not take apart; anything else is an error.
pub(super) fn known(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    let first = first_word(cursor);
    if STATEMENTS.binary_search(&first.as_str()).is_err() {
        let mut error = cursor.expected("an SQL statement");
        if let Some(near) = nearest(&first, STATEMENTS) {
            error
                .message
                .push_str(&format!(" Did you mean {}?", near.to_uppercase()));
        }
        return Err(error);
    }
    if matches!(first.as_str(), "create" | "alter" | "drop") {
        let mut ahead = cursor.clone();
        ahead.bump();
        if first == "create" {
            skip_modifiers(&mut ahead);
        }
        if object_words(&ahead).is_none() && !ahead.is_kw("owned") {
            return Err(unknown_object(&ahead, &first.to_uppercase()));
        }
    }
    Ok(opaque_rest(cursor))
}

fn first_word(cursor: &Cursor<'_>) -> String {
    cursor
        .peek()
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| token.text(cursor.source()).to_ascii_lowercase())
        .unwrap_or_default()
}

fn skip_modifiers(cursor: &mut Cursor<'_>) {
    loop {
        let of_object = cursor.is_kws(&["default", "privileges"]);
        if of_object || !cursor.is_any_kw(MODIFIERS) {
            return;
        }
        cursor.bump();
    }
}

/// The kind of object that is next, in upper case.
pub(super) fn object_words(cursor: &Cursor<'_>) -> Option<String> {
    OBJECTS
        .iter()
        .find(|object| {
            object
                .split(' ')
                .enumerate()
                .all(|(ahead, word)| cursor.is_kw_at(ahead, word))
        })
        .map(|object| (*object).to_owned())
}

/// The error that no known kind of object follows.
pub(super) fn unknown_object(cursor: &Cursor<'_>, verb: &str) -> SyntaxError {
    let mut error = cursor.expected(&format!("what to {verb}"));
    let first = first_word(cursor).to_uppercase();
    if let Some(near) = nearest(&first, OBJECTS) {
        error.message.push_str(&format!(" Did you mean {near}?"));
    }
    error
}

fn nearest<'a>(word: &str, list: &[&'a str]) -> Option<&'a str> {
    list.iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Enough of the first words to name the statement.
fn keywords(cursor: &Cursor<'_>) -> String {
    let first = first_word(cursor).to_uppercase();
    let mut ahead = cursor.clone();
    ahead.bump();
    let second = match first.as_str() {
        "CREATE" | "ALTER" | "DROP" => {
            if first == "CREATE" {
                skip_modifiers(&mut ahead);
            }
            object_words(&ahead)
                .or_else(|| ahead.is_kw("owned").then(|| "OWNED".to_owned()))
                .unwrap_or_default()
        }
        "COMMENT" => "ON".to_owned(),
        "REFRESH" => "MATERIALIZED VIEW".to_owned(),
        "SECURITY" => "LABEL".to_owned(),
        "IMPORT" => "FOREIGN SCHEMA".to_owned(),
        "REASSIGN" => "OWNED".to_owned(),
        "PREPARE" if ahead.is_kw("transaction") => "TRANSACTION".to_owned(),
        "COMMIT" | "ROLLBACK" if ahead.is_kw("prepared") => "PREPARED".to_owned(),
        "COMMIT" | "ROLLBACK" | "END" | "ABORT" => "AND CHAIN".to_owned(),
        "SELECT" | "WITH" => "INTO".to_owned(),
        _ => String::new(),
    };
    let first = if second == "INTO" { "SELECT" } else { &first };
    format!("{first} {second}").trim().to_owned()
}

/// What to do about a statement that is not understood.
pub(super) fn help(source: &str, tokens: &[Token]) -> String {
    let keywords = keywords(&Cursor::new(source, tokens));
    if keywords.is_empty() {
        return "Correct the statement; until then zdm treats it as one that may do anything."
            .to_owned();
    }
    format!(
        "Correct the {keywords} statement; until then zdm treats it as one that may do anything."
    )
}

/// Every name that could be a relation, each once, in order.
fn names(source: &str, tokens: &[Token]) -> Vec<QualifiedName> {
    let mut out = Vec::new();
    collect(source, tokens, Depth::Statement, &mut out);
    out
}

/// How deep into strings the search is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Statement,
    Body,
    String,
}

fn collect(source: &str, tokens: &[Token], depth: Depth, out: &mut Vec<QualifiedName>) {
    let mut cursor = Cursor::new(source, tokens);
    if depth == Depth::Statement {
        // The first words are never names, even where they could be.
        cursor.bump();
    }
    while let Some(token) = cursor.peek() {
        match token.kind {
            TokenKind::Word | TokenKind::QuotedName | TokenKind::UnicodeName => {
                if let Ok(name) = cursor.qualified("a name") {
                    if !out.contains(&name) {
                        out.push(name);
                    }
                } else {
                    cursor.bump();
                }
            }
            TokenKind::DollarString => {
                cursor.bump();
                let text = token.text(source);
                let tag = text[1..].find('$').map_or(0, |at| at + 2);
                let body = text.get(tag..text.len().saturating_sub(tag)).unwrap_or("");
                if depth == Depth::Statement {
                    collect(body, &tokens::tokens(body), Depth::Body, out);
                }
            }
            TokenKind::String | TokenKind::EscapeString => {
                cursor.bump();
                let text = token.text(source);
                let inside = text
                    .find('\'')
                    .and_then(|at| text.get(at + 1..text.len().saturating_sub(1)))
                    .unwrap_or("");
                let list = tokens::tokens(inside);
                let name_like = list.len() <= 5
                    && list.iter().all(|token| {
                        matches!(
                            token.kind,
                            TokenKind::Word | TokenKind::QuotedName | TokenKind::Dot
                        )
                    });
                // A function body may be an ordinary string too.
                if depth != Depth::String && (name_like || inside.contains(';')) {
                    collect(inside, &list, Depth::String, out);
                }
            }
            _ => {
                cursor.bump();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_order() {
        assert!(STATEMENTS.is_sorted());
        for (at, object) in OBJECTS.iter().enumerate() {
            let hidden = OBJECTS[..at]
                .iter()
                .any(|before| object.starts_with(&format!("{before} ")));
            assert!(!hidden, "{object}");
        }
    }
}
