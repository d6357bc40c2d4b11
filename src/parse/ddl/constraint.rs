//! Constraints of tables and columns, and the attributes that may follow them.
//!
//! Attributes come in any order (`ConstraintAttributeSpec`). Syntax up to PostgreSQL 18 is
//! accepted; which server knows which is not decided here.

use super::{clause, create_index};
use crate::{
    ident::Ident,
    parse::{
        cursor::{Cursor, Parsed},
        statement::{
            ConstraintAttributes, Exclude, Key, References, TableConstraint, TableConstraintKind,
        },
        tokens::TokenKind,
    },
    source::Span,
};

/// Whether a table constraint starts here rather than a column.
pub(super) fn starts_constraint(cursor: &Cursor<'_>) -> bool {
    if cursor.is_any_kw(&["constraint", "check", "unique", "primary", "foreign", "not"]) {
        return true;
    }
    // EXCLUDE can name a column too.
    cursor.is_kw("exclude")
        && (cursor.is_kw_at(1, "using")
            || cursor
                .peek_at(1)
                .is_some_and(|t| t.kind == TokenKind::LeftParen))
}

/// `[CONSTRAINT name] …` of a table.
pub(super) fn table_constraint(cursor: &mut Cursor<'_>) -> Parsed<TableConstraint> {
    let start = cursor.index();
    let name = if cursor.eat_kw("constraint") {
        Some(cursor.name("a constraint name")?)
    } else {
        None
    };
    let kind = table_kind(cursor)?;
    let mut attributes = ConstraintAttributes::default();
    while attribute(cursor, &mut attributes, Place::Table) {}
    Ok(TableConstraint {
        span: cursor.span_from(start),
        name,
        kind,
        attributes,
    })
}

fn table_kind(cursor: &mut Cursor<'_>) -> Parsed<TableConstraintKind> {
    if cursor.eat_kw("check") {
        return Ok(TableConstraintKind::Check(clause::expr_in_parens(cursor)?));
    }
    if cursor.eat(&["not", "null"]) {
        return Ok(TableConstraintKind::NotNull(cursor.name("a column")?));
    }
    if cursor.eat_kw("unique") {
        return key(cursor, false);
    }
    if cursor.eat_kw("primary") {
        cursor.expect(&["key"])?;
        return key(cursor, true);
    }
    if cursor.eat_kw("foreign") {
        cursor.expect(&["key"])?;
        return foreign_key(cursor);
    }
    if cursor.eat_kw("exclude") {
        return exclude(cursor);
    }
    Err(cursor.expected("CHECK, NOT NULL, UNIQUE, PRIMARY KEY, FOREIGN KEY or EXCLUDE"))
}

fn exclude(cursor: &mut Cursor<'_>) -> Parsed<TableConstraintKind> {
    let method = if cursor.eat_kw("using") {
        Some(cursor.name("an index method")?)
    } else {
        None
    };
    let elements = cursor.list(|cursor| {
        let part = create_index::index_column(cursor)?;
        cursor.expect(&["with"])?;
        let start = cursor.index();
        if cursor.eat_kw("operator") {
            cursor.parenthesised()?;
        } else {
            cursor.expect_kind(TokenKind::Operator, "an operator")?;
        }
        let operator = cursor.span_from(start).of(cursor.source()).to_owned();
        Ok((part, operator))
    })?;
    let parameters = index_parameters(cursor)?;
    let predicate = if cursor.eat_kw("where") {
        Some(clause::expr_in_parens(cursor)?)
    } else {
        None
    };
    Ok(TableConstraintKind::Exclude(Box::new(Exclude {
        method,
        elements,
        include: parameters.include,
        predicate,
    })))
}

fn key(cursor: &mut Cursor<'_>, primary: bool) -> Parsed<TableConstraintKind> {
    if cursor.eat(&["using", "index"]) {
        let index = cursor.name("an index")?;
        return Ok(TableConstraintKind::KeyUsingIndex { primary, index });
    }
    let nulls_not_distinct = !primary && nulls_not_distinct(cursor)?;
    let parts = cursor.list(|cursor| {
        let column = cursor.name("a column")?;
        let overlaps = cursor.eat(&["without", "overlaps"]);
        Ok((column, overlaps))
    })?;
    let without_overlaps = parts.last().is_some_and(|(_, overlaps)| *overlaps);
    let parameters = index_parameters(cursor)?;
    Ok(TableConstraintKind::Key(Key {
        primary,
        columns: parts.into_iter().map(|(column, _)| column).collect(),
        include: parameters.include,
        nulls_not_distinct,
        without_overlaps,
        options: parameters.options,
        tablespace: parameters.tablespace,
    }))
}

/// `NULLS [NOT] DISTINCT`: whether NULLs are equal.
pub(super) fn nulls_not_distinct(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    if !cursor.eat_kw("nulls") {
        return Ok(false);
    }
    let not = cursor.eat_kw("not");
    cursor.expect(&["distinct"])?;
    Ok(not)
}

/// What may follow the columns of a key.
#[derive(Default)]
pub(super) struct IndexParameters {
    include: Vec<Ident>,
    options: Option<Span>,
    tablespace: Option<Ident>,
}

/// `[INCLUDE (…)] [WITH (…)] [USING INDEX TABLESPACE name]`.
pub(super) fn index_parameters(cursor: &mut Cursor<'_>) -> Parsed<IndexParameters> {
    let mut parameters = IndexParameters::default();
    if cursor.eat_kw("include") {
        parameters.include = cursor.name_list("a column")?;
    }
    if cursor.is_kw("with") {
        cursor.bump();
        let start = cursor.index();
        clause::options(cursor)?;
        parameters.options = Some(cursor.span_from(start));
    }
    if cursor.eat(&["using", "index", "tablespace"]) {
        parameters.tablespace = Some(cursor.name("a tablespace")?);
    }
    Ok(parameters)
}

fn foreign_key(cursor: &mut Cursor<'_>) -> Parsed<TableConstraintKind> {
    let (columns, period) = period_columns(cursor)?;
    cursor.expect(&["references"])?;
    let references = references(cursor)?;
    Ok(TableConstraintKind::ForeignKey {
        columns,
        references,
        period,
    })
}

/// `( column, …, [PERIOD] column )`.
fn period_columns(cursor: &mut Cursor<'_>) -> Parsed<(Vec<Ident>, bool)> {
    let parts = cursor.list(|cursor| {
        // PERIOD names a column when nothing follows it.
        let period = cursor.is_kw("period")
            && cursor
                .peek_at(1)
                .is_some_and(|t| !matches!(t.kind, TokenKind::Comma | TokenKind::RightParen));
        if period {
            cursor.bump();
        }
        Ok((cursor.name("a column")?, period))
    })?;
    let period = parts.last().is_some_and(|(_, period)| *period);
    Ok((
        parts.into_iter().map(|(column, _)| column).collect(),
        period,
    ))
}

/// What follows `REFERENCES`.
pub(super) fn references(cursor: &mut Cursor<'_>) -> Parsed<References> {
    let table = cursor.qualified("a table")?;
    let columns = if cursor.kind() == Some(TokenKind::LeftParen) {
        period_columns(cursor)?.0
    } else {
        Vec::new()
    };
    let mut out = References {
        table,
        columns,
        match_full: false,
        on_delete: None,
        on_update: None,
    };
    loop {
        if cursor.eat_kw("match") {
            out.match_full = cursor.is_kw("full");
            if !cursor.is_any_kw(&["full", "partial", "simple"]) {
                return Err(cursor.expected("FULL, PARTIAL or SIMPLE"));
            }
            cursor.bump();
        } else if cursor.eat(&["on", "delete"]) {
            out.on_delete = Some(key_action(cursor)?);
        } else if cursor.eat(&["on", "update"]) {
            out.on_update = Some(key_action(cursor)?);
        } else {
            return Ok(out);
        }
    }
}

fn key_action(cursor: &mut Cursor<'_>) -> Parsed<String> {
    for words in [
        &["no", "action"][..],
        &["restrict"],
        &["cascade"],
        &["set", "null"],
        &["set", "default"],
    ] {
        if !cursor.eat(words) {
            continue;
        }
        let mut action = words.join(" ");
        if words[0] == "set" && cursor.kind() == Some(TokenKind::LeftParen) {
            let columns: Vec<String> = cursor
                .name_list("a column")?
                .iter()
                .map(Ident::quoted)
                .collect();
            action = format!("{action} ({})", columns.join(", "));
        }
        return Ok(action);
    }
    Err(cursor.expected("NO ACTION, RESTRICT, CASCADE, SET NULL or SET DEFAULT"))
}

/// Where an attribute stands, which decides how `NOT` and `NO` read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Behind a table constraint.
    Table,
    /// Behind a column constraint, where `NOT NULL` is another constraint.
    Column,
    /// In `ALTER CONSTRAINT`.
    Alter,
}

/// Passes one attribute if it is next.
pub(super) fn attribute(
    cursor: &mut Cursor<'_>,
    attributes: &mut ConstraintAttributes,
    place: Place,
) -> bool {
    if cursor.eat_kw("deferrable") {
        attributes.deferrable = Some(true);
    } else if cursor.eat(&["not", "deferrable"]) {
        attributes.deferrable = Some(false);
    } else if cursor.eat(&["initially", "deferred"]) {
        attributes.initially_deferred = Some(true);
    } else if cursor.eat(&["initially", "immediate"]) {
        attributes.initially_deferred = Some(false);
    } else if cursor.eat_kw("enforced") {
        attributes.enforced = Some(true);
    } else if cursor.eat(&["not", "enforced"]) {
        attributes.enforced = Some(false);
    } else if place != Place::Column && cursor.eat(&["not", "valid"]) {
        attributes.not_valid = true;
    } else if cursor.eat(&["no", "inherit"]) {
        attributes.no_inherit = Some(true);
    } else if place == Place::Alter && cursor.eat_kw("inherit") {
        attributes.no_inherit = Some(false);
    } else {
        return false;
    }
    true
}
