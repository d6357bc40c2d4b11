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
pub(super) fn opaque(source: &str, tokens: &[Token]) -> Opaque {
    let cursor = Cursor::new(source, tokens);
    Opaque {
        keywords: keywords(&cursor),
        names: names(source, tokens),
        utility: None,
    }
}

/// The whole statement of a cursor as it is; the cursor ends behind it.
pub(super) fn opaque_rest(cursor: &mut Cursor<'_>) -> Opaque {
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
            error.message = format!("{} Did you mean {}?", error.message, near.to_uppercase());
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
    Ok(StatementKind::Opaque(opaque_rest(cursor)))
}

fn first_word(cursor: &Cursor<'_>) -> String {
    cursor
        .peek()
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| token.text(cursor.source()).to_ascii_lowercase())
        .unwrap_or_default()
}

/// Passes the words between `CREATE` and the kind of object.
pub(super) fn skip_modifiers(cursor: &mut Cursor<'_>) {
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
        error.message = format!("{} Did you mean {near}?", error.message);
    }
    error
}

fn nearest<'a>(word: &str, list: &[&'a str]) -> Option<&'a str> {
    list.iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 2 && distance * 2 <= candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Enough of the first words to name the statement, and to tell its cheap forms from its dear
/// ones (`VACUUM FULL`, `REINDEX TABLE CONCURRENTLY`, `ALTER TYPE ADD VALUE`).
fn keywords(cursor: &Cursor<'_>) -> String {
    head(cursor).0
}

/// The key words, and the index of the first token behind them.
fn head(cursor: &Cursor<'_>) -> (String, usize) {
    let first = first_word(cursor).to_uppercase();
    let mut ahead = cursor.clone();
    ahead.bump();
    let mut words = vec![first.clone()];
    let take = |ahead: &mut Cursor<'_>, list: &[&str], words: &mut Vec<String>| {
        if ahead.eat(list) {
            words.push(list.join(" ").to_uppercase());
        }
    };
    match first.as_str() {
        "CREATE" | "ALTER" | "DROP" => {
            if first == "CREATE" {
                skip_modifiers(&mut ahead);
            }
            if let Some(object) = object_words(&ahead) {
                for _ in object.split(' ') {
                    ahead.bump();
                }
                if object == "TYPE" && first == "ALTER" {
                    let mut behind = ahead.clone();
                    let named = behind.qualified("a type").is_ok();
                    for action in [["ADD", "VALUE"], ["RENAME", "VALUE"]] {
                        let lower = action.map(str::to_ascii_lowercase);
                        if named && behind.is_kws(&[&lower[0], &lower[1]]) {
                            words.push("TYPE".to_owned());
                            words.push(action.join(" "));
                        }
                    }
                }
                if words.len() == 1 {
                    words.push(object);
                }
            } else {
                take(&mut ahead, &["owned"], &mut words);
            }
        }
        "COMMENT" => {
            take(&mut ahead, &["on"], &mut words);
            if let Some(object) = object_words(&ahead) {
                for _ in object.split(' ') {
                    ahead.bump();
                }
            }
        }
        "SECURITY" => take(&mut ahead, &["label"], &mut words),
        "IMPORT" => take(&mut ahead, &["foreign", "schema"], &mut words),
        "REASSIGN" => take(&mut ahead, &["owned"], &mut words),
        "PREPARE" => take(&mut ahead, &["transaction"], &mut words),
        "COMMIT" | "ROLLBACK" | "END" | "ABORT" => {
            if ahead.is_kw("prepared") {
                take(&mut ahead, &["prepared"], &mut words);
            } else {
                words.push("AND CHAIN".to_owned());
            }
        }
        "SELECT" | "WITH" => words = vec!["SELECT INTO".to_owned()],
        "REFRESH" => {
            take(&mut ahead, &["materialized", "view"], &mut words);
            take(&mut ahead, &["concurrently"], &mut words);
        }
        "REINDEX" => {
            let mut concurrently = option(&mut ahead, "concurrently", When::SurelyOn);
            for object in ["index", "table", "schema", "database", "system"] {
                take(&mut ahead, &[object], &mut words);
            }
            concurrently |= ahead.eat_kw("concurrently");
            if concurrently {
                words.push("CONCURRENTLY".to_owned());
            }
        }
        "VACUUM" => {
            let in_parens = ahead.clone();
            let mut full = option(&mut in_parens.clone(), "full", When::Written);
            let mut analyze = option(&mut in_parens.clone(), "analyze", When::Written);
            option(&mut ahead, "full", When::Written);
            while ahead.is_any_kw(&["full", "freeze", "verbose", "analyze", "analyse"]) {
                full |= ahead.is_kw("full");
                analyze |= ahead.is_any_kw(&["analyze", "analyse"]);
                ahead.bump();
            }
            if full {
                words.push("FULL".to_owned());
            } else if analyze {
                words.push("ANALYZE".to_owned());
            }
        }
        "CLUSTER" => {
            option(&mut ahead, "verbose", When::Written);
            ahead.eat_kw("verbose");
        }
        "LOCK" => {
            ahead.eat_kw("table");
        }
        _ => {}
    }
    (words.join(" "), ahead.index())
}

/// When an option in parentheses counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// It is written, whatever its value.
    Written,
    /// Its value is absent or true.
    SurelyOn,
}

/// Passes `( option [value], … )` and says whether this option counts.
fn option(cursor: &mut Cursor<'_>, name: &str, when: When) -> bool {
    if cursor.kind() != Some(TokenKind::LeftParen) {
        return false;
    }
    let mut inside = cursor.clone();
    cursor.skip_balanced();
    while inside.index() < cursor.index() {
        if inside.eat_kw(name) {
            let on = inside.is_any_kw(&["true", "on"])
                || matches!(
                    inside.kind(),
                    Some(TokenKind::Comma | TokenKind::RightParen)
                );
            return on || when == When::Written;
        }
        inside.bump();
    }
    false
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

/// Every name that could be a relation, each once, in order: the statement's own object first.
fn names(source: &str, tokens: &[Token]) -> Vec<QualifiedName> {
    let mut out = Vec::new();
    let behind = head(&Cursor::new(source, tokens)).1;
    let rest = tokens.get(behind.max(1)..).unwrap_or(&[]);
    collect(source, rest, Depth::Statement, &mut out);
    out
}

/// Key words that could be names, but hardly ever are: they count as such only where a relation
/// must stand.
const NOISE: &[&str] = &[
    "access",
    "action",
    "add",
    "admin",
    "after",
    "always",
    "as",
    "before",
    "begin",
    "by",
    "cascade",
    "concurrently",
    "continue",
    "cost",
    "current",
    "cycle",
    "data",
    "declare",
    "definer",
    "delete",
    "each",
    "enable",
    "execute",
    "exists",
    "function",
    "functions",
    "if",
    "immutable",
    "increment",
    "index",
    "inherit",
    "insert",
    "instead",
    "invoker",
    "key",
    "language",
    "login",
    "loop",
    "mode",
    "next",
    "no",
    "nothing",
    "nowait",
    "of",
    "option",
    "options",
    "owned",
    "owner",
    "parallel",
    "password",
    "privileges",
    "procedure",
    "public",
    "raise",
    "referencing",
    "rename",
    "replace",
    "restart",
    "restrict",
    "return",
    "returns",
    "role",
    "row",
    "rows",
    "safe",
    "schema",
    "schemas",
    "security",
    "sequence",
    "sequences",
    "set",
    "share",
    "stable",
    "start",
    "statement",
    "strict",
    "tables",
    "temp",
    "temporary",
    "to",
    "trigger",
    "truncate",
    "type",
    "update",
    "usage",
    "value",
    "values",
    "view",
    "volatile",
    "without",
];

/// Words behind which a relation stands.
const INTRODUCERS: &[&str] = &[
    "on",
    "from",
    "join",
    "into",
    "update",
    "table",
    "only",
    "index",
    "view",
    "sequence",
    "references",
    "using",
    "lock",
    "truncate",
];

/// How deep into strings the search is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Statement,
    Body,
    String,
}

fn collect(source: &str, tokens: &[Token], depth: Depth, out: &mut Vec<QualifiedName>) {
    let mut cursor = Cursor::new(source, tokens);
    let mut introduced = false;
    while let Some(token) = cursor.peek() {
        let word = token.text(source).to_ascii_lowercase();
        let is_word = token.kind == TokenKind::Word;
        match token.kind {
            TokenKind::Word | TokenKind::QuotedName | TokenKind::UnicodeName => {
                let dotted = cursor
                    .peek_at(1)
                    .is_some_and(|next| next.kind == TokenKind::Dot);
                let noise = is_word
                    && !introduced
                    && !dotted
                    && NOISE.binary_search(&word.as_str()).is_ok();
                if noise {
                    cursor.bump();
                } else if let Ok(name) = cursor.qualified("a name") {
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
                // A name as in nextval('s.q'), or a body as an ordinary string.
                if depth != Depth::String && (inside.contains(';') || reads_as_name(inside)) {
                    collect(inside, &tokens::tokens(inside), Depth::String, out);
                }
            }
            _ => {
                cursor.bump();
            }
        }
        introduced = is_word && INTRODUCERS.contains(&word.as_str());
    }
}

fn reads_as_name(text: &str) -> bool {
    let list = tokens::tokens(text);
    !list.is_empty()
        && list.iter().enumerate().all(|(at, token)| {
            let wanted_dot = at % 2 == 1;
            match token.kind {
                TokenKind::Word | TokenKind::QuotedName => !wanted_dot,
                TokenKind::Dot => wanted_dot,
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::ddl::summary::check;

    #[test]
    fn lists_are_in_order() {
        assert!(STATEMENTS.is_sorted() && NOISE.is_sorted());
        for (at, object) in OBJECTS.iter().enumerate() {
            let hidden = OBJECTS[..at]
                .iter()
                .any(|before| object.starts_with(&format!("{before} ")));
            assert!(!hidden, "{object}");
        }
    }

    #[test]
    fn statements_are_named_and_so_are_their_relations() {
        check(&[
            (
                "CREATE OR REPLACE VIEW v AS SELECT * FROM s.t",
                "CREATE VIEW: v,s.t",
            ),
            (
                "CREATE MATERIALIZED VIEW mv AS TABLE t",
                "CREATE MATERIALIZED VIEW: mv,t",
            ),
            (
                "REFRESH MATERIALIZED VIEW CONCURRENTLY mv",
                "REFRESH MATERIALIZED VIEW CONCURRENTLY: mv",
            ),
            (
                "CREATE CONSTRAINT TRIGGER tg AFTER UPDATE OF a ON t FOR EACH ROW EXECUTE FUNCTION f()",
                "CREATE TRIGGER: tg,of,a,t,f",
            ),
            (
                "CREATE TYPE mood AS ENUM ('a', 'b c')",
                "CREATE TYPE: mood,enum,a",
            ),
            (
                "ALTER TYPE mood ADD VALUE 'x y'",
                "ALTER TYPE ADD VALUE: mood",
            ),
            ("ALTER TYPE mood OWNER TO o", "ALTER TYPE: mood,o"),
            ("COMMENT ON COLUMN s.t.c IS 'what it is'", "COMMENT ON: t.c"),
            ("COMMENT ON TABLE t IS NULL", "COMMENT ON: t"),
            ("GRANT SELECT, UPDATE ON t TO PUBLIC", "GRANT: t"),
            ("DO $$ BEGIN UPDATE users SET a = 1; END $$", "DO: users,a"),
            (
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $x$ BEGIN INSERT INTO log VALUES (1); RETURN NEW; END $x$",
                "CREATE FUNCTION: f,plpgsql,log,new",
            ),
            (
                "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\"",
                "CREATE EXTENSION: uuid-ossp",
            ),
            ("CREATE SEQUENCE s OWNED BY t.a", "CREATE SEQUENCE: s,t.a"),
            ("LOCK TABLE t IN SHARE MODE", "LOCK: t"),
            ("VACUUM (FULL, ANALYZE) t", "VACUUM FULL: t"),
            ("VACUUM ANALYZE t", "VACUUM ANALYZE: t"),
            (
                "REINDEX (CONCURRENTLY, VERBOSE) TABLE t",
                "REINDEX TABLE CONCURRENTLY: t",
            ),
            ("REINDEX (CONCURRENTLY false) INDEX i", "REINDEX INDEX: i"),
            (
                "REINDEX INDEX CONCURRENTLY i",
                "REINDEX INDEX CONCURRENTLY: i",
            ),
            ("CLUSTER t USING i", "CLUSTER: t,i"),
            (
                "ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO r",
                "ALTER DEFAULT PRIVILEGES: s,tables,r",
            ),
            (
                "CREATE TABLESPACE x LOCATION '/y'",
                "CREATE TABLESPACE: x,location",
            ),
            ("EXPLAIN SELECT 1 FROM t", "EXPLAIN: t"),
            ("CALL p('users')", "CALL: p,users"),
            (
                "CREATE RULE r AS ON INSERT TO t DO INSTEAD (DELETE FROM u; NOTIFY x)",
                "CREATE RULE: r,insert,t,u,notify,x",
            ),
        ]);
    }
}
