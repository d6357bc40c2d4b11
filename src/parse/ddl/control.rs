//! Transaction control and settings.
//!
//! What starts another transaction at once (`AND CHAIN`) or works on prepared ones stays opaque.

use super::opaque;
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{Set, StatementKind, Transaction},
    tokens::TokenKind,
};

/// The statement, if it is of this family.
pub(super) fn control(cursor: &mut Cursor<'_>) -> Parsed<Option<StatementKind>> {
    if let Some(transaction) = transaction(cursor)? {
        return Ok(Some(transaction));
    }
    if cursor.eat_kw("set") {
        return set(cursor).map(Some);
    }
    if cursor.eat_kw("reset") {
        return reset(cursor).map(Some);
    }
    Ok(None)
}

fn transaction(cursor: &mut Cursor<'_>) -> Parsed<Option<StatementKind>> {
    let kind = if cursor.eat(&["start", "transaction"]) {
        modes(cursor)?;
        Transaction::Begin
    } else if cursor.eat_kw("begin") {
        work(cursor);
        modes(cursor)?;
        Transaction::Begin
    } else if cursor.eat_kw("savepoint") {
        cursor.name("a savepoint")?;
        Transaction::Savepoint
    } else if cursor.eat_kw("release") {
        // A savepoint may be called that.
        if cursor.peek_at(1).is_some() {
            cursor.eat_kw("savepoint");
        }
        cursor.name("a savepoint")?;
        Transaction::Release
    } else if cursor.is_any_kw(&["commit", "end", "rollback", "abort"]) {
        if cursor.is_kw_at(1, "prepared") {
            return Ok(Some(StatementKind::Opaque(opaque::opaque_rest(cursor))));
        }
        let commits = cursor.is_any_kw(&["commit", "end"]);
        let rolls_back = cursor.is_kw("rollback");
        cursor.bump();
        work(cursor);
        if rolls_back && cursor.eat_kw("to") {
            cursor.eat_kw("savepoint");
            cursor.name("a savepoint")?;
            Transaction::RollbackTo
        } else {
            cursor.eat(&["and", "no", "chain"]);
            if cursor.is_kws(&["and", "chain"]) {
                cursor.seek(0);
                return Ok(Some(StatementKind::Opaque(opaque::opaque_rest(cursor))));
            }
            if commits {
                Transaction::Commit
            } else {
                Transaction::Rollback
            }
        }
    } else {
        return Ok(None);
    };
    cursor.expect_end()?;
    Ok(Some(StatementKind::Transaction(kind)))
}

fn work(cursor: &mut Cursor<'_>) {
    if !cursor.eat_kw("work") {
        cursor.eat_kw("transaction");
    }
}

/// `ISOLATION LEVEL …`, `READ ONLY`, `[NOT] DEFERRABLE`, with or without commas.
fn modes(cursor: &mut Cursor<'_>) -> Parsed<()> {
    while !cursor.at_end() {
        let known = [
            &["isolation", "level", "serializable"][..],
            &["isolation", "level", "repeatable", "read"],
            &["isolation", "level", "read", "committed"],
            &["isolation", "level", "read", "uncommitted"],
            &["read", "only"],
            &["read", "write"],
            &["not", "deferrable"],
            &["deferrable"],
        ]
        .iter()
        .any(|words| cursor.eat(words));
        if !known {
            return Err(cursor.expected("a transaction mode"));
        }
        cursor.eat_kind(TokenKind::Comma);
    }
    Ok(())
}

/// What follows `SET`.
fn set(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    // These last for one transaction whatever word is in front.
    for name in ["transaction", "constraints"] {
        if cursor.eat_kw(name) {
            return settle(cursor, true, name.to_owned());
        }
    }
    if cursor.is_kws(&["session", "characteristics"]) {
        cursor.bump();
        cursor.bump();
        return settle(cursor, false, "session_characteristics".to_owned());
    }
    let local = cursor.eat_kw("local");
    if !local && cursor.is_kw("session") && !cursor.is_kw_at(1, "authorization") {
        cursor.bump();
    }
    for (words, name) in [
        (&["session", "authorization"][..], "session_authorization"),
        (&["time", "zone"], "timezone"),
        (&["xml", "option"], "xmloption"),
        (&["names"], "client_encoding"),
        (&["schema"], "search_path"),
        (&["role"], "role"),
    ] {
        // Any of these words can be a setting's own name too: `SET role = x`.
        let assigned = cursor.is_kw_at(words.len(), "to")
            || cursor
                .peek_at(words.len())
                .is_some_and(|t| t.text(cursor.source()) == "=");
        if !assigned && cursor.eat(words) {
            return settle(cursor, local, name.to_owned());
        }
    }
    let mut name = cursor.name("a setting")?.as_str().to_ascii_lowercase();
    while cursor.eat_kind(TokenKind::Dot) {
        name.push('.');
        name.push_str(&cursor.label("a setting")?.as_str().to_ascii_lowercase());
    }
    if !cursor.eat_operator("=") && !cursor.eat_kw("to") {
        return Err(cursor.expected("TO or ="));
    }
    settle(cursor, local, name)
}

/// The value: everything up to the end.
fn settle(cursor: &mut Cursor<'_>, local: bool, name: String) -> Parsed<StatementKind> {
    let start = cursor.index();
    while !cursor.at_end() {
        cursor.bump();
    }
    let span = cursor.span_from(start);
    if span.is_empty() {
        return Err(cursor.expected("a value"));
    }
    let text = span.of(cursor.source());
    let value = (!text.eq_ignore_ascii_case("default")).then(|| text.to_owned());
    Ok(StatementKind::Set(Set { local, name, value }))
}

fn reset(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    let name = if cursor.eat_kw("all") {
        "all".to_owned()
    } else if cursor.eat(&["session", "authorization"]) {
        "session_authorization".to_owned()
    } else if cursor.eat(&["time", "zone"]) {
        "timezone".to_owned()
    } else {
        let mut name = cursor.name("a setting")?.as_str().to_ascii_lowercase();
        while cursor.eat_kind(TokenKind::Dot) {
            name.push('.');
            name.push_str(&cursor.label("a setting")?.as_str().to_ascii_lowercase());
        }
        name
    };
    cursor.expect_end()?;
    Ok(StatementKind::Set(Set {
        local: false,
        name,
        value: None,
    }))
}

#[cfg(test)]
mod tests {
    use crate::parse::ddl::summary::{check, check_error};

    #[test]
    fn transactions() {
        check(&[
            ("BEGIN", "Begin"),
            ("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "Begin"),
            ("START TRANSACTION READ WRITE", "Begin"),
            ("COMMIT WORK", "Commit"),
            ("END", "Commit"),
            ("ROLLBACK AND NO CHAIN", "Rollback"),
            ("ABORT", "Rollback"),
            ("SAVEPOINT a", "Savepoint"),
            ("RELEASE a", "Release"),
            ("ROLLBACK TO SAVEPOINT a", "RollbackTo"),
            ("COMMIT AND CHAIN", "COMMIT AND CHAIN: chain"),
            ("COMMIT PREPARED 'x'", "COMMIT PREPARED: x"),
            ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION: x"),
        ]);
        check_error(&[("BEGIN x", "Expected a transaction mode, found `x`.")]);
    }

    #[test]
    fn settings() {
        check(&[
            ("SET search_path = a, \"B\"", "set search_path = a, \"B\""),
            (
                "SET LOCAL lock_timeout TO '1s'",
                "set local lock_timeout = '1s'",
            ),
            ("SET SESSION my.Setting = DEFAULT", "set my.setting = -"),
            ("SET ROLE x", "set role = x"),
            ("SET role = 'x'", "set role = 'x'"),
            ("SET TIME ZONE 'UTC'", "set timezone = 'UTC'"),
            (
                "SET SESSION AUTHORIZATION x",
                "set session_authorization = x",
            ),
            (
                "SET CONSTRAINTS ALL DEFERRED",
                "set local constraints = ALL DEFERRED",
            ),
            (
                "SET TRANSACTION READ ONLY",
                "set local transaction = READ ONLY",
            ),
            ("RESET ALL", "set all = -"),
            ("RESET ROLE", "set role = -"),
        ]);
        check_error(&[
            ("SET a", "Expected TO or =, but the statement ends here."),
            ("SET a =", "Expected a value, but the statement ends here."),
        ]);
    }
}
