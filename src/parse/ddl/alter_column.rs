//! `ALTER COLUMN` of every relation.

use super::{clause, column, sequence};
use crate::{
    ident::Ident,
    parse::{
        cursor::{Cursor, Parsed},
        statement::{AlterActionKind, ColumnAction},
        tokens::TokenKind,
        types,
    },
};

pub(super) fn alter_column(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    let name = if cursor.kind() == Some(TokenKind::Number) {
        // A column of an index, by its number.
        let token = cursor.expect_kind(TokenKind::Number, "a column")?;
        Ident::exact(token.text(cursor.source()))
    } else {
        cursor.name("a column")?
    };
    let action = column_action(cursor)?;
    Ok(AlterActionKind::AlterColumn { name, action })
}

fn column_action(cursor: &mut Cursor<'_>) -> Parsed<ColumnAction> {
    if cursor.eat(&["set", "data", "type"]) || cursor.eat_kw("type") {
        let ty = types::data_type(cursor)?;
        let collation = if cursor.eat_kw("collate") {
            Some(cursor.qualified("a collation")?)
        } else {
            None
        };
        let using = if cursor.eat_kw("using") {
            Some(clause::expr_until(cursor, |_| false)?)
        } else {
            None
        };
        return Ok(ColumnAction::Type {
            ty,
            collation,
            using,
        });
    }
    if cursor.eat(&["set", "default"]) {
        return Ok(ColumnAction::SetDefault(clause::expr_until(
            cursor,
            |_| false,
        )?));
    }
    for (words, action) in [
        (&["drop", "default"][..], ColumnAction::DropDefault),
        (&["set", "not", "null"], ColumnAction::SetNotNull),
        (&["drop", "not", "null"], ColumnAction::DropNotNull),
    ] {
        if cursor.eat(words) {
            return Ok(action);
        }
    }
    if cursor.eat(&["drop", "identity"]) {
        let if_exists = clause::if_exists(cursor);
        return Ok(ColumnAction::DropIdentity { if_exists });
    }
    if cursor.eat(&["drop", "expression"]) {
        let if_exists = clause::if_exists(cursor);
        return Ok(ColumnAction::DropExpression { if_exists });
    }
    if cursor.eat(&["set", "expression"]) {
        cursor.expect(&["as"])?;
        return Ok(ColumnAction::SetExpression(clause::expr_in_parens(cursor)?));
    }
    if cursor.eat(&["set", "statistics"]) {
        let target = clause::statistics_target(cursor)?;
        return Ok(ColumnAction::SetStatistics(target));
    }
    if cursor.eat(&["set", "storage"]) {
        return Ok(ColumnAction::SetStorage(cursor.label("a storage mode")?));
    }
    if cursor.eat(&["set", "compression"]) {
        let method = cursor.label("a compression method")?;
        return Ok(ColumnAction::SetCompression(method));
    }
    if cursor.eat(&["add", "generated"]) {
        let always = column::always(cursor)?;
        cursor.expect(&["as", "identity"])?;
        let options = sequence::in_parens(cursor)?;
        return Ok(ColumnAction::AddIdentity { always, options });
    }
    if cursor.is_kw("set")
        && cursor
            .peek_at(1)
            .is_some_and(|t| t.kind == TokenKind::LeftParen)
    {
        cursor.bump();
        return Ok(ColumnAction::SetOptions(clause::options(cursor)?));
    }
    if cursor.is_kw("reset") {
        cursor.bump();
        return Ok(ColumnAction::ResetOptions(clause::options(cursor)?));
    }
    if cursor.eat_kw("options") {
        cursor.parenthesised()?;
        return Ok(ColumnAction::SetOptions(Vec::new()));
    }
    let mut always = None;
    let mut options = Vec::new();
    loop {
        if cursor.eat(&["set", "generated"]) {
            always = Some(column::always(cursor)?);
        } else if cursor.eat_kw("restart") {
            options.push(sequence::restart(cursor)?);
        } else if cursor.is_kw("set") {
            cursor.bump();
            match sequence::option(cursor)? {
                Some(option) => options.push(option),
                None => return Err(cursor.expected("what to set")),
            }
        } else if always.is_some() || !options.is_empty() {
            return Ok(ColumnAction::SetIdentity { always, options });
        } else {
            return Err(cursor.expected("what to change about the column, such as TYPE or SET"));
        }
    }
}
