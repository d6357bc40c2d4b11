//! Clauses that several families share.

use crate::{
    ident::{Ident, QualifiedName},
    parse::{
        cursor::{Cursor, Parsed},
        expr::{self, Expr},
        keywords,
        statement::{DropBehavior, OptionValue, Persistence},
        tokens::TokenKind,
        types,
    },
    source::Span,
};

use super::relations;

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

/// A role: any word that is not reserved (`NonReservedWord`), or one that stands for a role.
pub(super) fn role(cursor: &mut Cursor<'_>) -> Parsed<Ident> {
    let stands_for_one = cursor.is_any_kw(&["current_user", "current_role", "session_user"]);
    let reserved = cursor.kind() == Some(TokenKind::Word)
        && cursor
            .peek_label()
            .is_some_and(|word| keywords::is_fully_reserved(word.as_str()));
    if reserved && !stands_for_one {
        return Err(cursor.expected("a role"));
    }
    cursor.label("a role")
}

/// `( name [= value], … )`, names lower case and with their namespace (`toast.autovacuum`).
pub(super) fn options(cursor: &mut Cursor<'_>) -> Parsed<Vec<OptionValue>> {
    cursor.list(|cursor| {
        let mut name = cursor.label("an option")?;
        while cursor.eat_kind(TokenKind::Dot) {
            let rest = cursor.label("an option")?;
            name = Ident::exact(format!("{}.{}", name.as_str(), rest.as_str()));
        }
        let mut value = None;
        if cursor.eat_operator("=") {
            let before = cursor.index();
            cursor.skip_until(|cursor| cursor.kind() == Some(TokenKind::Comma));
            if cursor.index() == before {
                return Err(cursor.expected("a value"));
            }
            value = Some(cursor.span_from(before).of(cursor.source()).to_owned());
        }
        Ok(OptionValue { name, value })
    })
}

/// `( name [value], … )`, as VACUUM and its like take it.
pub(super) fn utility_options(cursor: &mut Cursor<'_>) -> Parsed<Vec<OptionValue>> {
    cursor.list(|cursor| {
        let name = cursor.label("an option")?;
        let before = cursor.index();
        cursor.skip_until(|cursor| cursor.kind() == Some(TokenKind::Comma));
        let value = cursor.span_from(before);
        Ok(OptionValue {
            name,
            value: (!value.is_empty()).then(|| value.of(cursor.source()).to_owned()),
        })
    })
}

/// Whether a word is next that is a call without parentheses (`SQLValueFunction`).
pub(super) fn is_value_function(cursor: &Cursor<'_>) -> bool {
    cursor.is_any_kw(&[
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "localtime",
        "localtimestamp",
        "session_user",
        "system_user",
        "user",
    ])
}

/// The name of a function, which may be a word that no table can have (`func_name`).
pub(super) fn function_name(cursor: &mut Cursor<'_>) -> Parsed<QualifiedName> {
    let word = cursor.peek_label();
    let reserved = cursor.kind() == Some(TokenKind::Word)
        && word.is_some_and(|word| keywords::is_fully_reserved(word.as_str()));
    if reserved {
        return Err(cursor.expected("a function"));
    }
    let mut name = QualifiedName::bare(cursor.label("a function")?);
    while cursor.eat_kind(TokenKind::Dot) {
        name = QualifiedName::new(name.name, cursor.label("a function")?);
    }
    Ok(name)
}

/// A relation and one of its columns: `[schema.]relation.column`.
pub(super) fn column_path(cursor: &mut Cursor<'_>) -> Parsed<(QualifiedName, Ident)> {
    let mut path = vec![cursor.name("a column of a relation")?];
    while cursor.eat_kind(TokenKind::Dot) {
        path.push(cursor.label("a column")?);
    }
    match (path.pop(), path.pop(), path.pop()) {
        (Some(column), Some(relation), schema) => Ok((
            QualifiedName {
                schema,
                name: relation,
            },
            column,
        )),
        _ => Err(cursor.expected("`.` and a column")),
    }
}

/// `role, …`.
pub(super) fn roles(cursor: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    cursor.separated(role)
}

/// A number with its sign, as text.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let minus = cursor.eat_operator("-");
    if !minus {
        cursor.eat_operator("+");
    }
    let token = cursor.expect_kind(TokenKind::Number, "a number")?;
    let text = token.text(cursor.source());
    Ok(if minus {
        format!("-{text}")
    } else {
        text.to_owned()
    })
}

/// The number behind `SET STATISTICS`; `None` for `DEFAULT`.
pub(super) fn statistics_target(cursor: &mut Cursor<'_>) -> Parsed<Option<i32>> {
    if cursor.eat_kw("default") {
        return Ok(None);
    }
    let before = cursor.clone();
    let number = number(cursor)?;
    match number.parse() {
        Ok(number) => Ok(Some(number)),
        Err(_) => Err(before.expected("a whole number")),
    }
}

/// `TEMPORARY`, `UNLOGGED` or neither.
pub(super) fn persistence(cursor: &mut Cursor<'_>) -> Persistence {
    if cursor.is_any_kw(&["global", "local"])
        && (cursor.is_kw_at(1, "temp") || cursor.is_kw_at(1, "temporary"))
    {
        cursor.bump();
    }
    if cursor.eat_kw("temp") || cursor.eat_kw("temporary") {
        Persistence::Temporary
    } else if cursor.eat_kw("unlogged") {
        Persistence::Unlogged
    } else {
        Persistence::Permanent
    }
}

/// The names that follow `OWNER TO`, `RENAME TO` and `SET SCHEMA`, when one of them is next.
pub(super) enum Move {
    /// `OWNER TO role`.
    Owner(Ident),
    /// `RENAME TO name`.
    Rename(Ident),
    /// `SET SCHEMA name`.
    Schema(Ident),
}

/// One of the changes that every object knows.
pub(super) fn owner_name_or_schema(cursor: &mut Cursor<'_>) -> Parsed<Option<Move>> {
    if cursor.eat(&["owner", "to"]) {
        return Ok(Some(Move::Owner(role(cursor)?)));
    }
    if cursor.eat(&["rename", "to"]) {
        return Ok(Some(Move::Rename(cursor.name("a new name")?)));
    }
    if cursor.eat(&["set", "schema"]) {
        return Ok(Some(Move::Schema(cursor.name("a schema")?)));
    }
    Ok(None)
}

/// `[NO] DEPENDS ON EXTENSION name`, if it is next: whether `NO` stood there, and the extension.
pub(super) fn depends_on_extension(cursor: &mut Cursor<'_>) -> Parsed<Option<(bool, Ident)>> {
    if !cursor.is_kw("depends") && !cursor.is_kws(&["no", "depends"]) {
        return Ok(None);
    }
    let no = cursor.eat_kw("no");
    cursor.expect(&["depends", "on", "extension"])?;
    Ok(Some((no, cursor.name("an extension")?)))
}

/// A query that is the rest of the statement but for `tail`; its bytes and the relations in it.
pub(super) fn query(
    cursor: &mut Cursor<'_>,
    tail: impl Fn(&Cursor<'_>) -> bool,
) -> Parsed<(Span, Vec<QualifiedName>)> {
    if cursor.kind() != Some(TokenKind::LeftParen)
        && !cursor.is_any_kw(&["select", "values", "table", "with", "execute"])
    {
        return Err(cursor.expected("a query"));
    }
    let start = cursor.index();
    cursor.skip_until(tail);
    let found = relations::relations(cursor.source(), cursor.between(start, cursor.index()));
    let mut reads = found.reads;
    reads.extend(found.targets);
    Ok((cursor.span_from(start), reads))
}

/// `[WITH [NO] DATA]`: whether there is data.
pub(super) fn with_data(cursor: &mut Cursor<'_>) -> bool {
    if cursor.eat(&["with", "no", "data"]) {
        return false;
    }
    cursor.eat(&["with", "data"]);
    true
}

/// Whether nothing but `WITH [NO] DATA` is left.
pub(super) fn at_with_data(cursor: &Cursor<'_>) -> bool {
    (cursor.is_kws(&["with", "data"]) && cursor.peek_at(2).is_none())
        || (cursor.is_kws(&["with", "no", "data"]) && cursor.peek_at(3).is_none())
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
