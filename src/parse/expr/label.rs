//! What PostgreSQL calls an expression that was given no name (`FigureColname`,
//! `src/backend/parser/parse_target.c`): index columns, and through them indexes, are named so.
//!
//! It must never guess: what is not known for certain is [`Label::Unknown`].

use sqlparser::{
    ast::{self, TrimWhereField},
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use super::Expr;
use crate::ident::Ident;

/// A name for an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// The server takes this one.
    Name(String),
    /// It finds none, and says `expr`.
    Nothing,
    /// It cannot be told.
    Unknown,
}

/// A name and how good it is.
enum Found {
    /// A column's, a function's.
    Strong(String),
    /// A type's, or CASE: another one is taken where there is one.
    Weak(String),
    /// None.
    Nothing,
    /// It cannot be told.
    Unknown,
}

/// The names of the columns that a query returns; `None` where one cannot be told, as for `*`.
pub fn output_columns(query: &str) -> Option<Vec<Ident>> {
    let dialect = PostgreSqlDialect {};
    let query = Parser::new(&dialect)
        .try_with_sql(query)
        .and_then(|mut parser| parser.parse_query())
        .ok()?;
    let mut body = *query.body;
    let select = loop {
        match body {
            ast::SetExpr::Select(select) => break select,
            // The first of several queries names the columns.
            ast::SetExpr::SetOperation { left, .. } => body = *left,
            ast::SetExpr::Query(inner) => body = *inner.body,
            _ => return None,
        }
    };
    select
        .projection
        .iter()
        .map(|item| match item {
            ast::SelectItem::ExprWithAlias { alias, .. } => Some(ident(alias)),
            ast::SelectItem::UnnamedExpr(expr) => match figure(expr) {
                Found::Strong(name) | Found::Weak(name) => Some(name),
                Found::Nothing => Some("?column?".to_owned()),
                Found::Unknown => None,
            },
            _ => None,
        })
        .map(|name| name.map(Ident::exact))
        .collect()
}

/// What the server calls an expression.
pub fn label(expr: &Expr) -> Label {
    if !expr.understood {
        return Label::Unknown;
    }
    let dialect = PostgreSqlDialect {};
    let parsed = Parser::new(&dialect)
        .try_with_sql(&expr.text)
        .and_then(|mut parser| parser.parse_expr());
    match parsed {
        Ok(parsed) => match figure(&parsed) {
            Found::Strong(name) | Found::Weak(name) => Label::Name(name),
            Found::Nothing => Label::Nothing,
            Found::Unknown => Label::Unknown,
        },
        Err(_) => Label::Unknown,
    }
}

fn strong(name: &str) -> Found {
    Found::Strong(name.to_owned())
}

fn weak(name: &str) -> Found {
    Found::Weak(name.to_owned())
}

fn ident(ident: &ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => Ident::exact(ident.value.clone()),
        None => Ident::folded(&ident.value),
    }
    .as_str()
    .to_owned()
}

fn figure(expr: &ast::Expr) -> Found {
    match expr {
        ast::Expr::Identifier(name) => strong(&ident(name)),
        ast::Expr::CompoundIdentifier(parts) => match parts.last() {
            Some(name) => strong(&ident(name)),
            None => Found::Unknown,
        },
        ast::Expr::Nested(inner) => figure(inner),
        ast::Expr::Collate { expr, .. } => figure(expr),
        ast::Expr::Function(function) => {
            match function.name.0.last().and_then(|part| part.as_ident()) {
                Some(name) => strong(&ident(name)),
                None => Found::Unknown,
            }
        }
        ast::Expr::Cast {
            expr, data_type, ..
        } => match (figure(expr), type_name(data_type)) {
            (Found::Strong(name), _) => strong(&name),
            (Found::Weak(_) | Found::Nothing, Some(name)) => weak(name),
            (Found::Weak(_) | Found::Nothing | Found::Unknown, _) => Found::Unknown,
        },
        ast::Expr::Case { else_result, .. } => match else_result.as_deref().map(figure) {
            Some(Found::Strong(name)) => strong(&name),
            Some(Found::Unknown) => Found::Unknown,
            Some(Found::Weak(_) | Found::Nothing) | None => weak("case"),
        },
        ast::Expr::AtTimeZone { .. } => strong("timezone"),
        ast::Expr::Extract { .. } => strong("extract"),
        ast::Expr::Ceil { .. } => strong("ceil"),
        ast::Expr::Floor { .. } => strong("floor"),
        ast::Expr::Position { .. } => strong("position"),
        ast::Expr::Overlay { .. } => strong("overlay"),
        ast::Expr::Substring { shorthand, .. } => {
            strong(if *shorthand { "substr" } else { "substring" })
        }
        ast::Expr::Trim { trim_where, .. } => strong(match trim_where {
            None | Some(TrimWhereField::Both) => "btrim",
            Some(TrimWhereField::Leading) => "ltrim",
            Some(TrimWhereField::Trailing) => "rtrim",
        }),
        ast::Expr::Array(_) => strong("array"),
        ast::Expr::Value(_)
        | ast::Expr::BinaryOp { .. }
        | ast::Expr::UnaryOp { .. }
        | ast::Expr::IsNull(_)
        | ast::Expr::IsNotNull(_)
        | ast::Expr::IsTrue(_)
        | ast::Expr::IsNotTrue(_)
        | ast::Expr::IsFalse(_)
        | ast::Expr::IsNotFalse(_)
        | ast::Expr::IsDistinctFrom(..)
        | ast::Expr::IsNotDistinctFrom(..)
        | ast::Expr::InList { .. }
        | ast::Expr::Between { .. }
        | ast::Expr::Like { .. }
        | ast::Expr::ILike { .. } => Found::Nothing,
        _ => Found::Unknown,
    }
}

/// The server's own name of a type, which its grammar puts in place of the standard's.
fn type_name(ty: &ast::DataType) -> Option<&'static str> {
    match ty {
        ast::DataType::Text => Some("text"),
        ast::DataType::SmallInt(_) => Some("int2"),
        ast::DataType::Int(_) | ast::DataType::Integer(_) => Some("int4"),
        ast::DataType::BigInt(_) => Some("int8"),
        ast::DataType::Boolean => Some("bool"),
        ast::DataType::Date => Some("date"),
        ast::DataType::Uuid => Some("uuid"),
        ast::DataType::JSON => Some("json"),
        ast::DataType::JSONB => Some("jsonb"),
        ast::DataType::Numeric(_) => Some("numeric"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::expr_from_text;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let found = match label(&expr_from_text(text)) {
            Label::Name(name) => name,
            Label::Nothing => "(none)".to_owned(),
            Label::Unknown => "(unknown)".to_owned(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn an_expression_is_called_as_the_server_calls_it() {
        check("lower(A)", "lower");
        check("(pg_catalog.\"Lower\"(a))", "Lower");
        check("(coalesce(c::text, 'none'))", "coalesce");
        check("(nullif(a, 1))", "nullif");
        check("((payload ->> 'n')::integer)", "int4");
        check("(\"Name\" COLLATE \"C\")", "Name");
        check("a + 1", "(none)");
        check("(a || b)", "(none)");
        check("trim(a)", "btrim");
        check("(at AT TIME ZONE 'UTC')", "timezone");
        check("(CASE WHEN a THEN b ELSE c END)", "c");
        check("(CASE WHEN a THEN b END)", "case");
        check("(a IS NULL)", "(none)");
        check("((a + 1)::my_type)", "(unknown)");
    }
}
