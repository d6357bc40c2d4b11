//! Publications.

use super::super::clause::{self, Move};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{
        AlterPublication, CreatePublication, PublicationAction, PublicationObject, Utility,
    },
    tokens::TokenKind,
};

/// `CREATE PUBLICATION`.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["publication"])?;
    let name = cursor.name("a publication")?;
    let all_tables = cursor.eat(&["for", "all", "tables"]);
    let objects = if !all_tables && cursor.eat_kw("for") {
        objects(cursor)?
    } else {
        Vec::new()
    };
    let options = if cursor.eat_kw("with") {
        clause::options(cursor)?
    } else {
        Vec::new()
    };
    Ok(Utility::CreatePublication(CreatePublication {
        name,
        all_tables,
        objects,
        options,
    }))
}

/// `ALTER PUBLICATION`.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["publication"])?;
    let name = cursor.name("a publication")?;
    let action = match clause::owner_name_or_schema(cursor)? {
        Some(Move::Owner(role)) => PublicationAction::OwnerTo(role),
        Some(Move::Rename(name)) => PublicationAction::RenameTo(name),
        Some(Move::Schema(_)) => return Err(cursor.expected("the end of the statement")),
        None if cursor.eat_kw("add") => PublicationAction::Add(objects(cursor)?),
        None if cursor.eat_kw("drop") => PublicationAction::Drop(objects(cursor)?),
        None => {
            cursor
                .expect(&["set"])
                .map_err(|_| cursor.expected("ADD, SET, DROP, RENAME TO or OWNER TO"))?;
            if cursor.kind() == Some(TokenKind::LeftParen) {
                PublicationAction::SetOptions(clause::options(cursor)?)
            } else {
                PublicationAction::Set(objects(cursor)?)
            }
        }
    };
    Ok(Utility::AlterPublication(AlterPublication { name, action }))
}

/// `TABLE …, …, TABLES IN SCHEMA …`: a name without words in front goes on as the one before.
fn objects(cursor: &mut Cursor<'_>) -> Parsed<Vec<PublicationObject>> {
    let mut out = Vec::new();
    let mut schemas = None;
    loop {
        if cursor.eat(&["tables", "in", "schema"]) {
            schemas = Some(true);
        } else if cursor.eat_kw("table") {
            schemas = Some(false);
        }
        out.push(match schemas {
            Some(true) if cursor.eat_kw("current_schema") => {
                PublicationObject::TablesInSchema(None)
            }
            Some(true) => PublicationObject::TablesInSchema(Some(cursor.name("a schema")?)),
            Some(false) => table(cursor)?,
            None => return Err(cursor.expected("TABLE or TABLES IN SCHEMA")),
        });
        if !cursor.eat_kind(TokenKind::Comma) {
            return Ok(out);
        }
    }
}

fn table(cursor: &mut Cursor<'_>) -> Parsed<PublicationObject> {
    let relation = clause::relation(cursor, "a table")?;
    let columns = if cursor.kind() == Some(TokenKind::LeftParen) {
        cursor.name_list("a column")?
    } else {
        Vec::new()
    };
    let filter = if cursor.eat_kw("where") {
        Some(clause::expr_in_parens(cursor)?)
    } else {
        None
    };
    Ok(PublicationObject::Table {
        only: relation.only,
        name: relation.name,
        columns,
        filter,
    })
}
