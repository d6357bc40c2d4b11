//! Clauses that several families share.

use crate::{
    ident::{Ident, QualifiedName},
    parse::{
        cursor::{Cursor, Parsed},
        expr::{self, Expr},
        statement::DropBehavior,
        tokens::TokenKind,
        types,
    },
};

/// `IF EXISTS`.
pub(super) fn if_exists(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat(&["if", "exists"])
}

/// `IF NOT EXISTS`.
pub(super) fn if_not_exists(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat(&["if", "not", "exists"])
}

/// `[CASCADE | RESTRICT]`.
pub(super) fn behavior(cursor: &mut Cursor<'_>) -> DropBehavior {
    if cursor.eat_kw("cascade") {
        return DropBehavior::Cascade;
    }
    cursor.eat_kw("restrict");
    DropBehavior::Restrict
}

/// A relation as a statement names it.
pub(super) struct Relation {
    /// The name.
    pub(super) name: QualifiedName,
    /// `ONLY` was written.
    pub(super) only: bool,
}

/// `[ONLY] name [*]` or `ONLY (name)`.
pub(super) fn relation(cursor: &mut Cursor<'_>, what: &str) -> Parsed<Relation> {
    if cursor.eat_kw("only") {
        let name = if cursor.eat_kind(TokenKind::LeftParen) {
            let name = cursor.qualified(what)?;
            cursor.expect_kind(TokenKind::RightParen, "`)`")?;
            name
        } else {
            cursor.qualified(what)?
        };
        return Ok(Relation { name, only: true });
    }
    let name = cursor.qualified(what)?;
    cursor.eat_operator("*");
    Ok(Relation { name, only: false })
}

/// A role, also one of the key words that stand for one.
pub(super) fn role(cursor: &mut Cursor<'_>) -> Parsed<Ident> {
    if cursor.is_any_kw(&["current_user", "current_role", "session_user"]) {
        return cursor.label("a role");
    }
    cursor.name("a role")
}

/// `( name [= value], … )`, names lower case and with their namespace (`toast.autovacuum`).
pub(super) fn options(cursor: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    cursor.list(|cursor| {
        let mut name = cursor.label("an option")?;
        while cursor.eat_kind(TokenKind::Dot) {
            let rest = cursor.label("an option")?;
            name = Ident::exact(format!("{}.{}", name.as_str(), rest.as_str()));
        }
        if cursor.eat_operator("=") {
            let before = cursor.index();
            cursor.skip_until(|cursor| cursor.kind() == Some(TokenKind::Comma));
            if cursor.index() == before {
                return Err(cursor.expected("a value"));
            }
        }
        Ok(name)
    })
}

/// `( expression )`, the expression without the parentheses.
pub(super) fn expr_in_parens(cursor: &mut Cursor<'_>) -> Parsed<Expr> {
    let mut inside = cursor.clone();
    let (from, to) = cursor.parenthesised()?;
    if from == to {
        inside.bump();
        return Err(inside.expected("an expression"));
    }
    Ok(expr::expr_from_tokens(
        cursor.source(),
        cursor.between(from, to),
    ))
}

/// An expression that reaches up to the next comma of this level, to a closing parenthesis, to
/// where `stop` says so, or to the end.
pub(super) fn expr_until(
    cursor: &mut Cursor<'_>,
    stop: impl Fn(&Cursor<'_>) -> bool,
) -> Parsed<Expr> {
    let start = cursor.index();
    cursor.skip_until(|cursor| cursor.kind() == Some(TokenKind::Comma) || stop(cursor));
    if cursor.index() == start {
        return Err(cursor.expected("an expression"));
    }
    Ok(expr::expr_from_tokens(
        cursor.source(),
        cursor.between(start, cursor.index()),
    ))
}

/// The expression of a column's `DEFAULT` (`b_expr`): the words of the next constraint end it.
pub(super) fn default_expr(cursor: &mut Cursor<'_>) -> Parsed<Expr> {
    let start = cursor.index();
    loop {
        while cursor.kind() == Some(TokenKind::Operator) {
            cursor.bump();
        }
        operand(cursor)?;
        loop {
            match cursor.kind() {
                Some(TokenKind::DoubleColon) => {
                    cursor.bump();
                    types::data_type(cursor)?;
                }
                Some(TokenKind::LeftBracket) => cursor.skip_balanced(),
                Some(TokenKind::Dot) => {
                    cursor.bump();
                    cursor.label("a field")?;
                }
                _ => break,
            }
        }
        if cursor.kind() == Some(TokenKind::Operator) {
            continue;
        }
        if cursor.is_kw("operator")
            && cursor
                .peek_at(1)
                .is_some_and(|t| t.kind == TokenKind::LeftParen)
        {
            cursor.bump();
            cursor.skip_balanced();
            continue;
        }
        if cursor.eat(&["is", "distinct", "from"]) || cursor.eat(&["is", "not", "distinct", "from"])
        {
            continue;
        }
        // Not in the grammar of a default, but read the same by everyone.
        if cursor.eat(&["at", "time", "zone"]) {
            continue;
        }
        break;
    }
    Ok(expr::expr_from_tokens(
        cursor.source(),
        cursor.between(start, cursor.index()),
    ))
}

/// One operand: a constant, a call, a name, something in parentheses, `CASE … END`.
fn operand(cursor: &mut Cursor<'_>) -> Parsed<()> {
    match cursor.kind() {
        Some(TokenKind::LeftParen) => {
            cursor.parenthesised()?;
            return Ok(());
        }
        Some(TokenKind::Number | TokenKind::Parameter) => {
            cursor.bump();
            return Ok(());
        }
        Some(kind) if kind.is_string() => {
            // Strings on lines of their own are one constant.
            while cursor.kind().is_some_and(TokenKind::is_string) {
                cursor.bump();
            }
            return Ok(());
        }
        Some(TokenKind::Word | TokenKind::QuotedName | TokenKind::UnicodeName) => {}
        _ => return Err(cursor.expected("an expression")),
    }
    if cursor.is_kw("case") {
        return case(cursor);
    }
    if cursor.is_any_kw(&["null", "true", "false"]) {
        cursor.bump();
        return Ok(());
    }
    let mut ahead = cursor.clone();
    if let Ok(ty) = types::data_type(&mut ahead)
        && ahead.kind().is_some_and(TokenKind::is_string)
    {
        ahead.bump();
        if ty.name.name.as_str() == "interval" {
            types::interval_fields(&mut ahead)?;
        }
        *cursor = ahead;
        return Ok(());
    }
    if cursor.is_kw("array") {
        cursor.bump();
        cursor.skip_balanced();
        return Ok(());
    }
    if cursor.is_any_kw(&[
        "not",
        "check",
        "constraint",
        "unique",
        "primary",
        "references",
        "default",
        "collate",
        "using",
        "where",
        "on",
    ]) {
        return Err(cursor.expected("an expression"));
    }
    cursor.label("an expression")?;
    while cursor.eat_kind(TokenKind::Dot) {
        cursor.label("a name")?;
    }
    if cursor.kind() == Some(TokenKind::LeftParen) {
        cursor.parenthesised()?;
        for clause in [&["filter"][..], &["within", "group"], &["over"]] {
            if cursor.eat(clause) {
                cursor.skip_balanced();
            }
        }
    }
    Ok(())
}

fn case(cursor: &mut Cursor<'_>) -> Parsed<()> {
    let start = cursor.clone();
    let mut depth = 0usize;
    while !cursor.at_end() {
        if cursor.is_kw("case") {
            depth += 1;
        } else if cursor.is_kw("end") {
            depth -= 1;
        }
        cursor.bump();
        if depth == 0 {
            return Ok(());
        }
    }
    Err(start.expected("CASE … END"))
}
