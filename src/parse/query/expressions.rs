//! The expressions of a query: the columns they read, and their types as far as can be told.

use sqlparser::ast::{
    self, AccessExpr, BinaryOperator, Expr, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArguments, ObjectNamePart, UnaryOperator, Value, WindowType,
};

use super::{Column, Scope, Source, Walk, functions, ident};
use crate::ident::{Ident, QualifiedName};

/// A name of one or two parts.
pub(super) fn qualified(name: &ast::ObjectName) -> Option<QualifiedName> {
    let mut parts = Vec::new();
    for part in &name.0 {
        let ObjectNamePart::Identifier(part) = part else {
            return None;
        };
        parts.push(ident(part));
    }
    match parts.as_slice() {
        [name] => Some(QualifiedName::bare(name.clone())),
        [schema, name] => Some(QualifiedName::new(schema.clone(), name.clone())),
        _ => None,
    }
}

/// The type of an expression, when it can be told.
type Type = Option<String>;

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands where a type may be unknown"
)]
fn named(name: &str) -> Type {
    Some(name.to_owned())
}

impl Walk<'_> {
    /// In ORDER BY, GROUP BY and DISTINCT ON a number or a name may be that of a column.
    pub(super) fn sorted_by(
        &mut self,
        expr: &Expr,
        columns: &[Column],
        scope: &Scope,
    ) -> Option<()> {
        if let Expr::Identifier(name) = expr {
            let name = ident(name);
            if self.column(&name, scope).is_some() || columns.iter().any(|c| c.0 == name) {
                return Some(());
            }
            return None;
        }
        self.expr(expr, scope).map(drop)
    }

    /// Walks an expression; `None` when it is not followed, `Some(None)` when its type is not
    /// known.
    pub(super) fn expr(&mut self, expr: &Expr, scope: &Scope) -> Option<Type> {
        match expr {
            Expr::Identifier(name) => {
                let name = ident(name);
                self.column(&name, scope).or_else(|| {
                    // A whole row.
                    let mut sources = scope.levels.iter().flatten();
                    sources.any(|source| source.name == name).then_some(None)
                })
            }
            Expr::CompoundIdentifier(names) => self.compound(names, scope),
            Expr::CompoundFieldAccess { root, access_chain } => {
                self.expr(root, scope)?;
                for access in access_chain {
                    match access {
                        AccessExpr::Dot(_) => {}
                        AccessExpr::Subscript(ast::Subscript::Index { index }) => {
                            self.expr(index, scope)?;
                        }
                        AccessExpr::Subscript(ast::Subscript::Slice { .. }) => return None,
                    }
                }
                Some(None)
            }
            Expr::IsFalse(inner)
            | Expr::IsNotFalse(inner)
            | Expr::IsTrue(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNull(inner)
            | Expr::IsNotNull(inner)
            | Expr::IsUnknown(inner)
            | Expr::IsNotUnknown(inner) => self.all(&[inner], scope, "boolean"),
            Expr::InList { expr, list, .. } => {
                for one in list {
                    self.expr(one, scope)?;
                }
                self.all(&[expr], scope, "boolean")
            }
            Expr::InSubquery { expr, subquery, .. } => {
                self.query(subquery, scope)?;
                self.all(&[expr], scope, "boolean")
            }
            Expr::Between {
                expr, low, high, ..
            } => self.all(&[expr, low, high], scope, "boolean"),
            Expr::Like { expr, pattern, .. }
            | Expr::ILike { expr, pattern, .. }
            | Expr::SimilarTo { expr, pattern, .. } => self.all(&[expr, pattern], scope, "boolean"),
            Expr::IsDistinctFrom(left, right)
            | Expr::IsNotDistinctFrom(left, right)
            | Expr::AnyOp { left, right, .. }
            | Expr::AllOp { left, right, .. } => self.all(&[left, right], scope, "boolean"),
            Expr::BinaryOp { left, op, right } => {
                let left = self.expr(left, scope)?;
                let right = self.expr(right, scope)?;
                Some(of_operator(op, left, right))
            }
            Expr::UnaryOp { op, expr } => {
                let inner = self.expr(expr, scope)?;
                Some(match op {
                    UnaryOperator::Not => named("boolean"),
                    UnaryOperator::Minus | UnaryOperator::Plus => inner,
                    _ => None,
                })
            }
            Expr::Cast {
                expr, data_type, ..
            } => {
                self.expr(expr, scope)?;
                Some(self.relations.type_named(&data_type.to_string()))
            }
            Expr::TypedString(typed) => {
                Some(self.relations.type_named(&typed.data_type.to_string()))
            }
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                let inner = self.expr(timestamp, scope)?;
                self.expr(time_zone, scope)?;
                Some(match inner.as_deref() {
                    Some("timestamp with time zone") => named("timestamp without time zone"),
                    Some("timestamp without time zone") => named("timestamp with time zone"),
                    _ => None,
                })
            }
            Expr::Extract { expr, .. } => self.all(&[expr], scope, "numeric"),
            Expr::Position { expr, r#in } => self.all(&[expr, r#in], scope, "integer"),
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                ..
            } => {
                for one in [substring_from, substring_for].into_iter().flatten() {
                    self.expr(one, scope)?;
                }
                self.all(&[expr], scope, "text")
            }
            Expr::Trim {
                trim_what,
                expr,
                trim_characters,
                ..
            } => {
                for one in trim_characters.iter().flatten() {
                    self.expr(one, scope)?;
                }
                if let Some(what) = trim_what {
                    self.expr(what, scope)?;
                }
                self.all(&[expr], scope, "text")
            }
            Expr::Collate { expr, .. } | Expr::Nested(expr) => self.expr(expr, scope),
            Expr::Value(value) => Some(of_value(&value.value)),
            Expr::Function(function) => self.function(function, scope),
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                if let Some(operand) = operand {
                    self.expr(operand, scope)?;
                }
                // ELSE is looked at first (`transformCaseExpr`).
                let results = conditions.iter().map(|when| &when.result);
                let mut types = Vec::new();
                for result in else_result.as_deref().into_iter().chain(results) {
                    let ty = self.expr(result, scope)?;
                    if !is_untyped(result) {
                        types.push(ty);
                    }
                }
                for when in conditions {
                    self.expr(&when.condition, scope)?;
                }
                if types.is_empty() {
                    types.push(named("text"));
                }
                Some(functions::common(types))
            }
            Expr::Exists { subquery, .. } => {
                self.query(subquery, scope)?;
                Some(named("boolean"))
            }
            Expr::Subquery(query) => {
                let columns = self.query(query, scope)?;
                Some(columns.into_iter().next().and_then(|column| column.1))
            }
            Expr::Tuple(list) => {
                for one in list {
                    self.expr(one, scope)?;
                }
                Some(None)
            }
            Expr::Array(array) => {
                let mut types = Vec::new();
                for one in &array.elem {
                    types.push(self.expr(one, scope)?);
                }
                Some(functions::common(types).map(|ty| format!("{ty}[]")))
            }
            Expr::Interval(interval) => self.all(&[&interval.value], scope, "interval"),
            _ => None,
        }
    }

    fn all(&mut self, parts: &[&Expr], scope: &Scope, ty: &str) -> Option<Type> {
        for part in parts {
            self.expr(part, scope)?;
        }
        Some(named(ty))
    }

    /// An unqualified column, from the innermost query that has it.
    fn column(&mut self, name: &Ident, scope: &Scope) -> Option<Type> {
        for level in scope.levels.iter().rev() {
            if let Some(found) = level.iter().find_map(|source| of_source(source, name)) {
                let (relation, ty) = found;
                if let Some(relation) = relation {
                    self.reads.push((relation.clone(), Some(name.clone())));
                }
                return Some(ty);
            }
        }
        None
    }

    /// `source.column`, `schema.table.column`, or a field of a column.
    fn compound(&mut self, names: &[ast::Ident], scope: &Scope) -> Option<Type> {
        let names: Vec<Ident> = names.iter().map(ident).collect();
        let ([qualifier, name] | [_, qualifier, name]) = names.as_slice() else {
            return None;
        };
        let source = scope
            .levels
            .iter()
            .rev()
            .flatten()
            .find(|source| source.name == *qualifier)?;
        let (relation, ty) = of_source(source, name)?;
        if let Some(relation) = relation {
            self.reads.push((relation.clone(), Some(name.clone())));
        }
        Some(ty)
    }

    fn function(&mut self, function: &ast::Function, scope: &Scope) -> Option<Type> {
        let mut types = Vec::new();
        match &function.args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(query) => {
                self.query(query, scope)?;
            }
            FunctionArguments::List(list) => {
                for arg in &list.args {
                    let (FunctionArg::Named { arg, .. }
                    | FunctionArg::ExprNamed { arg, .. }
                    | FunctionArg::Unnamed(arg)) = arg;
                    match arg {
                        FunctionArgExpr::Expr(expr) => {
                            let ty = self.expr(expr, scope)?;
                            if !is_untyped(expr) || types.is_empty() {
                                types.push(ty);
                            }
                        }
                        FunctionArgExpr::Wildcard => {}
                        FunctionArgExpr::QualifiedWildcard(_)
                        | FunctionArgExpr::WildcardWithOptions(_) => return None,
                    }
                }
                for clause in &list.clauses {
                    let FunctionArgumentClause::OrderBy(order) = clause else {
                        return None;
                    };
                    for one in order {
                        self.expr(&one.expr, scope)?;
                    }
                }
            }
        }
        if let Some(filter) = &function.filter {
            self.expr(filter, scope)?;
        }
        for one in &function.within_group {
            self.expr(&one.expr, scope)?;
        }
        match &function.over {
            None => {}
            Some(WindowType::WindowSpec(window)) => {
                let order = window.order_by.iter().map(|one| &one.expr);
                for expr in window.partition_by.iter().chain(order) {
                    self.expr(expr, scope)?;
                }
            }
            Some(WindowType::NamedWindow(_)) => return None,
        }
        let name = qualified(&function.name)?;
        Some(functions::result(&name, &types))
    }
}

/// A column of a source: the relation it is read from, and its type.
fn of_source<'a>(source: &'a Source, name: &Ident) -> Option<(Option<&'a QualifiedName>, Type)> {
    let column = source.columns.iter().find(|column| column.0 == *name)?;
    Some((source.relation.as_ref(), column.1.clone()))
}

/// A literal that takes its type from what stands around it.
fn is_untyped(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(
        value.value,
        Value::Null | Value::SingleQuotedString(_) | Value::EscapedStringLiteral(_)
            | Value::DollarQuotedString(_)
    ))
}

/// A literal; one of no type of its own becomes text.
fn of_value(value: &Value) -> Type {
    match value {
        Value::Number(text, _) => {
            if text.contains(['.', 'e', 'E']) {
                named("numeric")
            } else if text.parse::<i32>().is_ok() {
                named("integer")
            } else if text.parse::<i64>().is_ok() {
                named("bigint")
            } else {
                named("numeric")
            }
        }
        Value::Boolean(_) => named("boolean"),
        _ => named("text"),
    }
}

fn of_operator(op: &BinaryOperator, left: Type, right: Type) -> Type {
    match op {
        BinaryOperator::And
        | BinaryOperator::Or
        | BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq
        | BinaryOperator::PGRegexMatch
        | BinaryOperator::PGRegexIMatch
        | BinaryOperator::PGRegexNotMatch
        | BinaryOperator::PGRegexNotIMatch
        | BinaryOperator::AtArrow
        | BinaryOperator::ArrowAt
        | BinaryOperator::Question => named("boolean"),
        BinaryOperator::LongArrow | BinaryOperator::HashLongArrow => named("text"),
        BinaryOperator::Arrow | BinaryOperator::HashArrow => left,
        BinaryOperator::StringConcat => {
            let stringy = |ty: &Type| ty.as_deref().is_some_and(functions::is_string);
            (stringy(&left) || stringy(&right)).then(|| "text".to_owned())
        }
        BinaryOperator::Plus
        | BinaryOperator::Minus
        | BinaryOperator::Multiply
        | BinaryOperator::Divide
        | BinaryOperator::Modulo => functions::arithmetic(&left?, &right?),
        _ => None,
    }
}
