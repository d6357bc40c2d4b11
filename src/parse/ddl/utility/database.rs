//! Extensions and extended statistics.

use super::{
    super::{
        clause::{self, Move},
        literal,
    },
    object,
};
use crate::parse::{
    cursor::{Cursor, Parsed},
    expr,
    statement::{
        AlterExtension, AlterStatistics, CreateExtension, CreateStatistics, ExtensionAction,
        StatisticsAction, StatisticsColumn, Utility,
    },
    tokens::TokenKind,
};

/// `CREATE EXTENSION`.
pub(super) fn create_extension(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["extension"])?;
    let mut extension = CreateExtension {
        if_not_exists: clause::if_not_exists(cursor),
        name: cursor.name("an extension")?,
        schema: None,
        version: None,
        cascade: false,
    };
    cursor.eat_kw("with");
    loop {
        if cursor.eat_kw("schema") {
            extension.schema = Some(cursor.name("a schema")?);
        } else if cursor.eat_kw("version") {
            extension.version = Some(version(cursor)?);
        } else if cursor.eat_kw("cascade") {
            extension.cascade = true;
        } else {
            return Ok(Utility::CreateExtension(extension));
        }
    }
}

/// A version, as a word or a string.
fn version(cursor: &mut Cursor<'_>) -> Parsed<String> {
    if cursor.kind().is_some_and(TokenKind::is_string) {
        return literal::string(cursor, "a version");
    }
    Ok(cursor.label("a version")?.as_str().to_owned())
}

/// `ALTER EXTENSION`.
pub(super) fn alter_extension(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["extension"])?;
    let name = cursor.name("an extension")?;
    let action = if cursor.eat_kw("update") {
        ExtensionAction::Update(if cursor.eat_kw("to") {
            Some(version(cursor)?)
        } else {
            None
        })
    } else if cursor.eat(&["set", "schema"]) {
        ExtensionAction::SetSchema(cursor.name("a schema")?)
    } else if cursor.eat_kw("add") {
        ExtensionAction::Add(object::reference(cursor)?)
    } else if cursor.eat_kw("drop") {
        ExtensionAction::Drop(object::reference(cursor)?)
    } else {
        return Err(cursor.expected("UPDATE, SET SCHEMA, ADD or DROP"));
    };
    Ok(Utility::AlterExtension(AlterExtension { name, action }))
}

/// `CREATE STATISTICS`.
pub(super) fn create_statistics(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["statistics"])?;
    let if_not_exists = clause::if_not_exists(cursor);
    let unnamed = cursor.is_kw("on") || cursor.kind() == Some(TokenKind::LeftParen);
    let name = if unnamed && !if_not_exists {
        None
    } else {
        Some(cursor.qualified("a name")?)
    };
    let kinds = if cursor.kind() == Some(TokenKind::LeftParen) {
        cursor.name_list("a kind of statistics")?
    } else {
        Vec::new()
    };
    cursor.expect(&["on"])?;
    let columns = cursor.separated(statistics_column)?;
    cursor.expect(&["from"])?;
    let table = clause::relation(cursor, "a table")?.name;
    if cursor.eat_kw("as") || cursor.peek_name().is_some() {
        cursor.name("an alias")?;
    }
    Ok(Utility::CreateStatistics(CreateStatistics {
        if_not_exists,
        name,
        kinds,
        columns,
        table,
    }))
}

fn statistics_column(cursor: &mut Cursor<'_>) -> Parsed<StatisticsColumn> {
    let start = cursor.index();
    if cursor.kind() == Some(TokenKind::LeftParen) {
        return Ok(StatisticsColumn::Expr(clause::expr_in_parens(cursor)?));
    }
    let value = clause::is_value_function(cursor);
    let mut ahead = cursor.clone();
    ahead.label("a column or expression")?;
    let call = matches!(ahead.kind(), Some(TokenKind::Dot | TokenKind::LeftParen));
    if value {
        cursor.bump();
        if cursor.kind() == Some(TokenKind::LeftParen) {
            cursor.parenthesised()?;
        }
        return Ok(StatisticsColumn::Expr(expr::expr_from_tokens(
            cursor.source(),
            cursor.between(start, cursor.index()),
        )));
    }
    if !call {
        return Ok(StatisticsColumn::Column(
            cursor.name("a column or expression")?,
        ));
    }
    clause::function_name(cursor)?;
    cursor.parenthesised()?;
    Ok(StatisticsColumn::Expr(expr::expr_from_tokens(
        cursor.source(),
        cursor.between(start, cursor.index()),
    )))
}

/// `ALTER STATISTICS`.
pub(super) fn alter_statistics(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["statistics"])?;
    let if_exists = clause::if_exists(cursor);
    let name = cursor.qualified("a name")?;
    let action = match clause::owner_name_or_schema(cursor)? {
        Some(Move::Owner(role)) => StatisticsAction::OwnerTo(role),
        Some(Move::Rename(name)) => StatisticsAction::RenameTo(name),
        Some(Move::Schema(schema)) => StatisticsAction::SetSchema(schema),
        None => {
            cursor.expect(&["set", "statistics"]).map_err(|_| {
                cursor.expected("SET STATISTICS, RENAME TO, OWNER TO or SET SCHEMA")
            })?;
            StatisticsAction::SetTarget(clause::statistics_target(cursor)?)
        }
    };
    Ok(Utility::AlterStatistics(AlterStatistics {
        if_exists,
        name,
        action,
    }))
}
