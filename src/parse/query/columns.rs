//! The name of a column that is given none (`FigureColname` in `parse_target.c`).

use sqlparser::ast::{Expr, SelectItem, SetExpr};

use super::{expressions::qualified, ident};
use crate::ident::Ident;

/// The name of an expression in a select list.
pub(super) fn name_of(expr: &Expr) -> Ident {
    figure(expr).map_or_else(|| Ident::exact("?column?"), |(name, _)| name)
}

/// How good a name is: that of a cast gives way to one from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Strength {
    Weak,
    Strong,
}

fn figure(expr: &Expr) -> Option<(Ident, Strength)> {
    let strong = |name: &str| Some((Ident::exact(name), Strength::Strong));
    match expr {
        Expr::Identifier(name) => Some((ident(name), Strength::Strong)),
        Expr::CompoundIdentifier(names) => Some((ident(names.last()?), Strength::Strong)),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => figure(inner),
        Expr::Cast {
            expr, data_type, ..
        } => match figure(expr) {
            Some((name, Strength::Strong)) => Some((name, Strength::Strong)),
            _ => Some((
                Ident::exact(internal_name(&data_type.to_string())),
                Strength::Weak,
            )),
        },
        Expr::Function(function) => Some((qualified(&function.name)?.name, Strength::Strong)),
        Expr::Case { else_result, .. } => {
            match else_result.as_ref().and_then(|other| figure(other)) {
                Some((name, Strength::Strong)) => Some((name, Strength::Strong)),
                _ => Some((Ident::exact("case"), Strength::Weak)),
            }
        }
        Expr::Exists { .. } => strong("exists"),
        Expr::Subquery(query) => match &*query.body {
            SetExpr::Select(select) => match select.projection.first()? {
                SelectItem::UnnamedExpr(expr) => figure(expr),
                SelectItem::ExprWithAlias { alias, .. } => Some((ident(alias), Strength::Strong)),
                _ => None,
            },
            _ => None,
        },
        Expr::Array(_) => strong("array"),
        Expr::Tuple(_) => strong("row"),
        Expr::Extract { .. } => strong("extract"),
        Expr::Position { .. } => strong("position"),
        Expr::Substring { .. } => strong("substring"),
        Expr::Ceil { .. } => strong("ceil"),
        Expr::Floor { .. } => strong("floor"),
        Expr::AtTimeZone { .. } => strong("timezone"),
        _ => None,
    }
}

/// The name that a built-in type has in `pg_type`.
fn internal_name(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let base = lower.split('(').next().unwrap_or(&lower).trim();
    match base {
        "int" | "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "double precision" | "float" => "float8",
        "real" => "float4",
        "decimal" => "numeric",
        "character varying" => "varchar",
        "character" | "char" => "bpchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time with time zone" => "timetz",
        "time without time zone" => "time",
        other => other.rsplit('.').next().unwrap_or(other),
    }
    .to_owned()
}
