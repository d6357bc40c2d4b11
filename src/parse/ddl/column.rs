//! Column definitions with their constraints.

use super::{
    clause,
    constraint::{self, Place},
    sequence,
};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{
        ColumnConstraint, ColumnConstraintKind, ColumnDef, ConstraintAttributes, DataType,
    },
    types,
};

/// `name type [STORAGE …] [COMPRESSION …] [COLLATE …] constraint …`.
pub(super) fn column_def(cursor: &mut Cursor<'_>) -> Parsed<ColumnDef> {
    let start = cursor.index();
    let name = cursor.name("a column")?;
    let ty = types::data_type(cursor)?;
    let mut column = ColumnDef {
        span: cursor.span_from(start),
        name,
        ty,
        collation: None,
        storage: None,
        compression: None,
        constraints: Vec::new(),
    };
    qualifiers(cursor, &mut column)?;
    column.span = cursor.span_from(start);
    Ok(column)
}

/// A column of a typed table or a partition: `name [WITH OPTIONS] constraint …`. Its type comes
/// from elsewhere and is left empty.
pub(super) fn column_options(cursor: &mut Cursor<'_>) -> Parsed<ColumnDef> {
    let start = cursor.index();
    let name = cursor.name("a column")?;
    cursor.eat(&["with", "options"]);
    let span = cursor.span_from(start);
    let mut column = ColumnDef {
        span,
        ty: DataType {
            span,
            text: String::new(),
            name: crate::ident::QualifiedName::bare(crate::ident::Ident::exact("")),
            modifiers: None,
            array_dimensions: 0,
        },
        name,
        collation: None,
        storage: None,
        compression: None,
        constraints: Vec::new(),
    };
    qualifiers(cursor, &mut column)?;
    column.span = cursor.span_from(start);
    Ok(column)
}

fn qualifiers(cursor: &mut Cursor<'_>, column: &mut ColumnDef) -> Parsed<()> {
    loop {
        if cursor.eat_kw("storage") {
            column.storage = Some(cursor.label("a storage mode")?);
        } else if cursor.eat_kw("compression") {
            column.compression = Some(cursor.label("a compression method")?);
        } else if cursor.eat_kw("options") {
            // Of a foreign table's column.
            cursor.parenthesised()?;
        } else if cursor.eat_kw("collate") {
            column.collation = Some(cursor.qualified("a collation")?);
        } else if let Some(constraint) = column_constraint(cursor)? {
            column.constraints.push(constraint);
        } else {
            return Ok(());
        }
    }
}

/// `[CONSTRAINT name] …` of a column or a domain, if one is next.
pub(super) fn column_constraint(cursor: &mut Cursor<'_>) -> Parsed<Option<ColumnConstraint>> {
    let start = cursor.index();
    let name = if cursor.eat_kw("constraint") {
        Some(cursor.name("a constraint name")?)
    } else {
        None
    };
    let Some(kind) = constraint_kind(cursor)? else {
        if name.is_some() {
            return Err(cursor.expected("a constraint"));
        }
        return Ok(None);
    };
    let mut attributes = ConstraintAttributes::default();
    while constraint::attribute(cursor, &mut attributes, Place::Column) {}
    Ok(Some(ColumnConstraint {
        span: cursor.span_from(start),
        name,
        kind,
        attributes,
    }))
}

fn constraint_kind(cursor: &mut Cursor<'_>) -> Parsed<Option<ColumnConstraintKind>> {
    let kind = if cursor.eat(&["not", "null"]) {
        ColumnConstraintKind::NotNull
    } else if cursor.eat_kw("null") {
        ColumnConstraintKind::Null
    } else if cursor.eat_kw("default") {
        ColumnConstraintKind::Default(clause::default_expr(cursor)?)
    } else if cursor.eat_kw("check") {
        ColumnConstraintKind::Check(clause::expr_in_parens(cursor)?)
    } else if cursor.eat_kw("unique") {
        let nulls_not_distinct = constraint::nulls_not_distinct(cursor)?;
        constraint::index_parameters(cursor)?;
        ColumnConstraintKind::Unique { nulls_not_distinct }
    } else if cursor.eat_kw("primary") {
        cursor.expect(&["key"])?;
        constraint::index_parameters(cursor)?;
        ColumnConstraintKind::PrimaryKey
    } else if cursor.eat_kw("references") {
        ColumnConstraintKind::References(constraint::references(cursor)?)
    } else if cursor.eat_kw("generated") {
        generated(cursor)?
    } else {
        return Ok(None);
    };
    Ok(Some(kind))
}

/// `ALWAYS` or `BY DEFAULT`: whether it is the first.
pub(super) fn always(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    if cursor.eat_kw("always") {
        Ok(true)
    } else if cursor.eat(&["by", "default"]) {
        Ok(false)
    } else {
        Err(cursor.expected("ALWAYS or BY DEFAULT"))
    }
}

fn generated(cursor: &mut Cursor<'_>) -> Parsed<ColumnConstraintKind> {
    let always = always(cursor)?;
    cursor.expect(&["as"])?;
    if cursor.eat_kw("identity") {
        let options = sequence::in_parens(cursor)?;
        return Ok(ColumnConstraintKind::Identity { always, options });
    }
    if !always {
        return Err(cursor.expected("IDENTITY"));
    }
    let expr = clause::expr_in_parens(cursor)?;
    let stored = cursor.eat_kw("stored");
    if !stored {
        cursor.eat_kw("virtual");
    }
    Ok(ColumnConstraintKind::Generated { expr, stored })
}
