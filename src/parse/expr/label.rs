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

/// How good a name is: of a type or of CASE only, or better.
enum Strength {
    Weak,
    Strong,
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
        Ok(parsed) => figure(&parsed).map_or(Label::Unknown, |found| {
            found.map_or(Label::Nothing, |(name, _)| Label::Name(name))
        }),
        Err(_) => Label::Unknown,
    }
}

fn strong(name: &str) -> Option<Option<(String, Strength)>> {
    Some(Some((name.to_owned(), Strength::Strong)))
}

fn ident(ident: &ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => Ident::exact(ident.value.clone()),
        None => Ident::folded(&ident.value),
    }
    .as_str()
    .to_owned()
}

/// `None` when it cannot be told; `Some(None)` when there is no name.
fn figure(expr: &ast::Expr) -> Option<Option<(String, Strength)>> {
    match expr {
        ast::Expr::Identifier(name) => strong(&ident(name)),
        ast::Expr::CompoundIdentifier(parts) => strong(&ident(parts.last()?)),
        ast::Expr::Nested(inner) => figure(inner),
        ast::Expr::Collate { expr, .. } => figure(expr),
        ast::Expr::Function(function) => strong(&ident(function.name.0.last()?.as_ident()?)),
        ast::Expr::Cast {
            expr, data_type, ..
        } => match figure(expr)? {
            Some((name, Strength::Strong)) => strong(&name),
            Some((_, Strength::Weak)) | None => {
                Some(Some((type_name(data_type)?.to_owned(), Strength::Weak)))
            }
        },
        ast::Expr::Case { else_result, .. } => match else_result {
            Some(result) => match figure(result)? {
                Some((name, Strength::Strong)) => strong(&name),
                Some((_, Strength::Weak)) | None => Some(Some(("case".to_owned(), Strength::Weak))),
            },
            None => Some(Some(("case".to_owned(), Strength::Weak))),
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
        | ast::Expr::ILike { .. } => Some(None),
        _ => None,
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
