//! `ALTER COLUMN` of every relation, and the options of sequences, which identity columns share.

use super::{clause, column};
use crate::{
    ident::Ident,
    parse::{
        cursor::{Cursor, Parsed},
        statement::{AlterAction, AlterActionKind, ColumnAction, RelationKind},
        tokens::TokenKind,
        types,
    },
};

pub(super) fn alter_column(
    cursor: &mut Cursor<'_>,
    relation: RelationKind,
) -> Parsed<AlterActionKind> {
    let name = if cursor.kind() == Some(TokenKind::Number) {
        // A column of an index, by its number.
        let token = cursor.expect_kind(TokenKind::Number, "a column")?;
        Ident::exact(token.text(cursor.source()))
    } else {
        cursor.name("a column")?
    };
    let action = column_action(cursor, relation)?;
    Ok(AlterActionKind::AlterColumn { name, action })
}

fn column_action(cursor: &mut Cursor<'_>, relation: RelationKind) -> Parsed<ColumnAction> {
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
        clause::if_exists(cursor);
        return Ok(ColumnAction::DropIdentity);
    }
    if cursor.eat(&["drop", "expression"]) {
        clause::if_exists(cursor);
        return Ok(ColumnAction::DropExpression);
    }
    if cursor.eat(&["set", "expression"]) {
        cursor.expect(&["as"])?;
        return Ok(ColumnAction::SetExpression(clause::expr_in_parens(cursor)?));
    }
    if cursor.eat(&["set", "statistics"]) {
        cursor.eat_operator("-");
        if !cursor.eat_kw("default") {
            cursor.expect_kind(TokenKind::Number, "a number")?;
        }
        return Ok(ColumnAction::SetStatistics);
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
        if cursor.kind() == Some(TokenKind::LeftParen) {
            cursor.parenthesised()?;
        }
        return Ok(ColumnAction::AddIdentity { always });
    }
    if cursor.is_kw("set")
        && cursor
            .peek_at(1)
            .is_some_and(|t| t.kind == TokenKind::LeftParen)
    {
        cursor.bump();
        clause::options(cursor)?;
        return Ok(ColumnAction::SetOptions);
    }
    if cursor.is_kw("reset") {
        cursor.bump();
        clause::options(cursor)?;
        return Ok(ColumnAction::ResetOptions);
    }
    if relation == RelationKind::ForeignTable && cursor.eat_kw("options") {
        cursor.parenthesised()?;
        return Ok(ColumnAction::SetOptions);
    }
    let mut changed = false;
    loop {
        if cursor.eat(&["set", "generated"]) {
            column::always(cursor)?;
        } else if cursor.eat_kw("restart") {
            restart_value(cursor)?;
        } else if cursor.is_kw("set") {
            cursor.bump();
            if !sequence_option(cursor)? {
                return Err(cursor.expected("what to set"));
            }
        } else if changed {
            return Ok(ColumnAction::SetIdentity);
        } else {
            return Err(cursor.expected("what to change about the column, such as TYPE or SET"));
        }
        changed = true;
    }
}

fn restart_value(cursor: &mut Cursor<'_>) -> Parsed<()> {
    let with = cursor.eat_kw("with");
    let minus = cursor.eat_operator("-");
    if with || minus || cursor.kind() == Some(TokenKind::Number) {
        cursor.expect_kind(TokenKind::Number, "a number")?;
    }
    Ok(())
}

/// One option of a sequence, if it is next.
fn sequence_option(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    if cursor.eat_kw("restart") {
        restart_value(cursor)?;
        return Ok(true);
    }
    for (words, filler) in [
        (&["increment"][..], "by"),
        (&["start"], "with"),
        (&["minvalue"], ""),
        (&["maxvalue"], ""),
        (&["cache"], ""),
    ] {
        if cursor.eat(words) {
            cursor.eat_kw(filler);
            if !cursor.eat_operator("-") {
                cursor.eat_operator("+");
            }
            cursor.expect_kind(TokenKind::Number, "a number")?;
            return Ok(true);
        }
    }
    if cursor.eat_kw("as") {
        types::data_type(cursor)?;
        return Ok(true);
    }
    if cursor.eat_kw("owned") {
        cursor.expect(&["by"])?;
        cursor.qualified("NONE or a column")?;
        return Ok(true);
    }
    if cursor.eat_kw("sequence") {
        cursor.expect(&["name"])?;
        cursor.qualified("a sequence")?;
        return Ok(true);
    }
    Ok([
        &["no", "minvalue"][..],
        &["no", "maxvalue"],
        &["no", "cycle"],
        &["cycle"],
        &["logged"],
        &["unlogged"],
    ]
    .iter()
    .any(|words| cursor.eat(words)))
}

/// What `ALTER SEQUENCE` changes: ownership, or options in any number.
pub(super) fn sequence_action(cursor: &mut Cursor<'_>) -> Parsed<AlterAction> {
    let start = cursor.index();
    let kind = if cursor.is_kws(&["owner", "to"]) {
        cursor.expect(&["owner", "to"])?;
        AlterActionKind::OwnerTo(clause::role(cursor)?)
    } else if cursor.eat(&["set", "logged"]) {
        AlterActionKind::SetLogged
    } else if cursor.eat(&["set", "unlogged"]) {
        AlterActionKind::SetUnlogged
    } else {
        if !sequence_option(cursor)? {
            return Err(cursor.expected("what to change about the sequence, such as RESTART"));
        }
        while sequence_option(cursor)? {}
        AlterActionKind::Other
    };
    Ok(AlterAction {
        span: cursor.span_from(start),
        kind,
    })
}
