//! Schemas, also with what fills them at once.

use super::super::{
    clause::{self, Move},
    read,
};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{AlterSchema, CreateSchema, SchemaAction, Statement, Utility},
    tokens::TokenKind,
};

/// `CREATE SCHEMA`.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["schema"])?;
    let if_not_exists = clause::if_not_exists(cursor);
    let name = if cursor.is_kw("authorization") {
        None
    } else {
        Some(cursor.name("a schema or AUTHORIZATION")?)
    };
    let authorization = if cursor.eat_kw("authorization") {
        Some(clause::role(cursor)?)
    } else {
        None
    };
    let mut elements = Vec::new();
    while !cursor.at_end() {
        if !starts_element(cursor) {
            return Err(cursor.expected("CREATE, GRANT or the end of the statement"));
        }
        let start = cursor.index();
        cursor.skip_balanced();
        while !cursor.at_end() && !starts_element(cursor) {
            cursor.skip_balanced();
        }
        let tokens = cursor.between(start, cursor.index());
        elements.push(Statement {
            span: cursor.span_from(start),
            kind: read(&mut Cursor::new(cursor.source(), tokens))?,
            directives: Vec::new(),
        });
    }
    Ok(Utility::CreateSchema(CreateSchema {
        if_not_exists,
        name,
        authorization,
        elements,
    }))
}

/// Whether a statement inside `CREATE SCHEMA` starts here: `CREATE` is also a privilege, and
/// `GRANT` part of `WITH GRANT OPTION`.
fn starts_element(cursor: &Cursor<'_>) -> bool {
    let before = cursor
        .index()
        .checked_sub(1)
        .and_then(|at| cursor.between(at, at + 1).first());
    let behind = |words: &[&str]| {
        before.is_some_and(|token| {
            token.kind == TokenKind::Comma
                || words
                    .iter()
                    .any(|word| token.is_word(cursor.source(), word))
        })
    };
    (cursor.is_kw("create") && !behind(&["grant"])) || (cursor.is_kw("grant") && !behind(&["with"]))
}

/// `ALTER SCHEMA`.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["schema"])?;
    let name = cursor.name("a schema")?;
    let action = match clause::owner_name_or_schema(cursor)? {
        Some(Move::Owner(role)) => SchemaAction::OwnerTo(role),
        Some(Move::Rename(name)) => SchemaAction::RenameTo(name),
        Some(Move::Schema(_)) | None => return Err(cursor.expected("RENAME TO or OWNER TO")),
    };
    Ok(Utility::AlterSchema(AlterSchema { name, action }))
}
