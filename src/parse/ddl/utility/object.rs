//! An object as `COMMENT ON`, `SECURITY LABEL ON` and `ALTER EXTENSION … ADD` name it.

use super::{
    super::{clause, opaque},
    routine,
};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{ObjectKind, ObjectReference},
    tokens::TokenKind,
    types,
};

/// `KIND name …`.
pub(super) fn reference(cursor: &mut Cursor<'_>) -> Parsed<ObjectReference> {
    if cursor.eat_kw("column") {
        let (relation, column) = clause::column_path(cursor)?;
        return Ok(ObjectReference {
            name: Some(relation),
            column: Some(column),
            ..of_kind("COLUMN")
        });
    }
    if cursor.eat_kw("constraint") {
        let name = cursor.qualified("a constraint")?;
        cursor.expect(&["on"])?;
        // A table may be called that.
        let domain = cursor.is_kw("domain")
            && !cursor.is_kw_at(1, "is")
            && cursor.peek_at(1).is_some_and(|t| is_name(t.kind));
        let mut object = of_kind(if domain {
            cursor.bump();
            "DOMAIN CONSTRAINT"
        } else {
            "CONSTRAINT"
        });
        object.name = Some(name);
        object.on = Some(cursor.qualified("a relation")?);
        return Ok(object);
    }
    cursor.eat_kw("procedural");
    let Some(words) = opaque::object_words(cursor) else {
        return Err(opaque::unknown_object(cursor, "name"));
    };
    for _ in words.split(' ') {
        cursor.bump();
    }
    let mut object = of_kind(&words);
    match words.as_str() {
        "FUNCTION" | "PROCEDURE" | "ROUTINE" | "AGGREGATE" => {
            object.name = Some(clause::function_name(cursor)?);
            object.arguments = routine::signature(cursor)?;
        }
        "TYPE" | "DOMAIN" => object.name = Some(types::data_type(cursor)?.name),
        "TRIGGER" | "POLICY" | "RULE" => {
            object.name = Some(cursor.qualified("a name")?);
            cursor.expect(&["on"])?;
            object.on = Some(cursor.qualified("a relation")?);
        }
        "OPERATOR CLASS" | "OPERATOR FAMILY" => {
            object.name = Some(cursor.qualified("a name")?);
            cursor.expect(&["using"])?;
            cursor.name("an access method")?;
        }
        "OPERATOR" => {
            while !cursor.at_end() && cursor.kind() != Some(TokenKind::LeftParen) {
                cursor.bump();
            }
            cursor.parenthesised()?;
        }
        "CAST" => {
            cursor.parenthesised()?;
        }
        "TRANSFORM" => {
            cursor.expect(&["for"])?;
            types::data_type(cursor)?;
            cursor.expect(&["language"])?;
            cursor.label("a language")?;
        }
        "LARGE OBJECT" => {
            clause::number(cursor)?;
        }
        _ => object.name = Some(cursor.qualified("a name")?),
    }
    Ok(object)
}

fn is_name(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Word | TokenKind::QuotedName | TokenKind::UnicodeName
    )
}

fn of_kind(words: &str) -> ObjectReference {
    ObjectReference {
        kind: ObjectKind::new(words),
        name: None,
        column: None,
        on: None,
        arguments: None,
    }
}
