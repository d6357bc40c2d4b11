//! What a query reads and what columns it has, given what the relations look like.
//!
//! Follows the scoping rules of `parse_relation.c`: WITH, FROM with its aliases, LATERAL, USING,
//! and the queries around a subquery. The tree is `sqlparser`'s; nothing of it leaves this module.
//! A query with a form that is not followed has no shape at all rather than a wrong one.
//! Next: `catalog::apply` keeps the shapes of views and of tables made by queries.

mod columns;
mod expressions;
mod functions;

use sqlparser::{
    ast::{
        Distinct, GroupByExpr, JoinConstraint, JoinOperator, LimitClause, OrderByKind, Query,
        Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, Statement, TableAlias,
        TableFactor, TableWithJoins,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use crate::ident::{Ident, QualifiedName};

/// The deepest nesting that is followed.
const DEEPEST: usize = 60;

/// What a query must know of the database.
pub trait Relations {
    /// The columns of a relation, in order, with their types; `None` when it is not known.
    fn columns(&self, relation: &QualifiedName) -> Option<Vec<(Ident, String)>>;
    /// A type as the catalog spells it.
    fn type_named(&self, text: &str) -> Option<String>;
}

/// The columns of a query, and what it reads.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryShape {
    /// Its columns, in order; a type is `None` where it cannot be told.
    pub columns: Vec<(Ident, Option<String>)>,
    /// The columns of relations that are named anywhere in it, each once; `None` for a relation
    /// of which no column is.
    pub reads: Vec<(QualifiedName, Option<Ident>)>,
}

/// The shape of a query, or `None` when not all of it is followed.
pub fn query_shape(text: &str, relations: &dyn Relations) -> Option<QueryShape> {
    let dialect = PostgreSqlDialect {};
    let mut statements = Parser::new(&dialect)
        .with_recursion_limit(DEEPEST)
        .try_with_sql(text)
        .ok()?
        .parse_statements()
        .ok()?;
    let (Some(Statement::Query(query)), true) = (statements.pop(), statements.is_empty()) else {
        return None;
    };
    let mut walk = Walk {
        relations,
        reads: Vec::new(),
    };
    let columns = walk.query(&query, &Scope::default())?;
    let mut reads = walk.reads;
    reads.sort();
    reads.dedup();
    // Single columns are recorded instead of the relation as a whole.
    let by_column: Vec<QualifiedName> = reads
        .iter()
        .filter(|(_, column)| column.is_some())
        .map(|(relation, _)| relation.clone())
        .collect();
    reads.retain(|(relation, column)| column.is_some() || !by_column.contains(relation));
    Some(QueryShape { columns, reads })
}

/// A column of a query or of one of its sources.
type Column = (Ident, Option<String>);

/// Something in FROM.
#[derive(Debug, Clone)]
struct Source {
    /// The name that qualifies its columns.
    name: Ident,
    columns: Vec<Column>,
    /// The relation, when it is one.
    relation: Option<QualifiedName>,
    /// Columns that USING or NATURAL merged into those of a source to the left.
    merged: Vec<Ident>,
}

/// The names that can be used at some place.
#[derive(Debug, Clone, Default)]
struct Scope {
    /// Queries named by WITH, innermost last.
    queries: Vec<(Ident, Vec<Column>)>,
    /// What is in FROM, outermost level first.
    levels: Vec<Vec<Source>>,
}

impl Scope {
    fn inner(&self) -> Self {
        let mut inner = self.clone();
        inner.levels.push(Vec::new());
        inner
    }

    fn add(&mut self, source: Source) {
        if let Some(level) = self.levels.last_mut() {
            level.push(source);
        }
    }
}

struct Walk<'a> {
    relations: &'a dyn Relations,
    reads: Vec<(QualifiedName, Option<Ident>)>,
}

impl Walk<'_> {
    fn query(&mut self, query: &Query, outer: &Scope) -> Option<Vec<Column>> {
        let mut scope = outer.clone();
        if let Some(with) = &query.with {
            for cte in &with.cte_tables {
                let name = ident(&cte.alias.name);
                if with.recursive
                    && let SetExpr::SetOperation { left, .. } = &*cte.query.body
                {
                    // The first part decides the columns that the second one sees.
                    let columns = self.body(left, &scope)?.0;
                    let columns = renamed(columns, &cte.alias);
                    scope.queries.push((name.clone(), columns));
                }
                let columns = renamed(self.query(&cte.query, &scope)?, &cte.alias);
                scope.queries.push((name, columns));
            }
        }
        let (columns, inside) = self.body(&query.body, &scope)?;
        if let Some(order) = &query.order_by {
            let OrderByKind::Expressions(list) = &order.kind else {
                return None;
            };
            for one in list {
                self.sorted_by(&one.expr, &columns, &inside)?;
            }
        }
        match &query.limit_clause {
            None => {}
            Some(LimitClause::LimitOffset { limit, offset, .. }) => {
                let offset = offset.as_ref().map(|offset| &offset.value);
                for expr in limit.iter().chain(offset) {
                    self.expr(expr, &inside)?;
                }
            }
            Some(LimitClause::OffsetCommaLimit { .. }) => return None,
        }
        Some(columns)
    }

    /// The columns, and the scope in which ORDER BY stands.
    fn body(&mut self, body: &SetExpr, scope: &Scope) -> Option<(Vec<Column>, Scope)> {
        match body {
            SetExpr::Select(select) => self.select(select, scope),
            SetExpr::Query(query) => Some((self.query(query, scope)?, scope.inner())),
            SetExpr::SetOperation { left, right, .. } => {
                let (mut columns, _) = self.body(left, scope)?;
                let (others, _) = self.body(right, scope)?;
                if columns.len() != others.len() {
                    return None;
                }
                for (column, other) in columns.iter_mut().zip(others) {
                    column.1 = functions::common([column.1.take(), other.1]);
                }
                Some((columns, scope.inner()))
            }
            SetExpr::Values(values) => {
                let mut types: Vec<Option<String>> = Vec::new();
                for (at, row) in values.rows.iter().enumerate() {
                    for (place, expr) in row.content.iter().enumerate() {
                        let ty = self.expr(expr, &scope.inner())?;
                        if at == 0 {
                            types.push(ty);
                        } else {
                            let known = types.get_mut(place)?;
                            *known = functions::common([known.take(), ty]);
                        }
                    }
                }
                let columns = types
                    .into_iter()
                    .enumerate()
                    .map(|(at, ty)| (Ident::exact(format!("column{}", at + 1)), ty));
                Some((columns.collect(), scope.inner()))
            }
            SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_)
            | SetExpr::Table(_) => None,
        }
    }

    fn select(&mut self, select: &Select, outer: &Scope) -> Option<(Vec<Column>, Scope)> {
        let mut scope = outer.inner();
        for from in &select.from {
            self.joins(from, &mut scope)?;
        }
        if let Some(condition) = &select.selection {
            self.expr(condition, &scope)?;
        }
        let mut columns = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let ty = self.expr(expr, &scope)?;
                    columns.push((columns::name_of(expr), ty));
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let ty = self.expr(expr, &scope)?;
                    columns.push((ident(alias), ty));
                }
                SelectItem::Wildcard(_) => {
                    let level = scope.levels.last().cloned().unwrap_or_default();
                    if level.is_empty() {
                        return None;
                    }
                    for source in &level {
                        self.all_of(source, &source.merged, &mut columns);
                    }
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    _,
                ) => {
                    let name = expressions::qualified(name)?.name;
                    let source = scope
                        .levels
                        .iter()
                        .rev()
                        .flatten()
                        .find(|source| source.name == name)?
                        .clone();
                    self.all_of(&source, &[], &mut columns);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::Expr(_), _)
                | SelectItem::ExprWithAliases { .. } => return None,
            }
        }
        if let Some(Distinct::On(list)) = &select.distinct {
            for expr in list {
                self.sorted_by(expr, &columns, &scope)?;
            }
        }
        match &select.group_by {
            GroupByExpr::All(_) => return None,
            GroupByExpr::Expressions(list, _) => {
                for expr in list {
                    self.sorted_by(expr, &columns, &scope)?;
                }
            }
        }
        if let Some(condition) = &select.having {
            self.expr(condition, &scope)?;
        }
        if !select.named_window.is_empty() || select.into.is_some() {
            return None;
        }
        Some((columns, scope))
    }

    /// Every column of a source but these.
    fn all_of(&mut self, source: &Source, but: &[Ident], columns: &mut Vec<Column>) {
        for column in &source.columns {
            if but.contains(&column.0) {
                continue;
            }
            if let Some(relation) = &source.relation {
                self.reads.push((relation.clone(), Some(column.0.clone())));
            }
            columns.push(column.clone());
        }
    }

    fn joins(&mut self, from: &TableWithJoins, scope: &mut Scope) -> Option<()> {
        self.source(&from.relation, scope)?;
        for join in &from.joins {
            self.source(&join.relation, scope)?;
            let (JoinOperator::Join(constraint)
            | JoinOperator::Inner(constraint)
            | JoinOperator::Left(constraint)
            | JoinOperator::LeftOuter(constraint)
            | JoinOperator::Right(constraint)
            | JoinOperator::RightOuter(constraint)
            | JoinOperator::FullOuter(constraint)
            | JoinOperator::CrossJoin(constraint)) = &join.join_operator
            else {
                return None;
            };
            match constraint {
                JoinConstraint::On(condition) => {
                    self.expr(condition, scope)?;
                }
                JoinConstraint::Using(names) => {
                    for name in names {
                        let name = expressions::qualified(name)?.name;
                        self.merge(&name, scope)?;
                    }
                }
                // Which columns are common is not followed.
                JoinConstraint::Natural => return None,
                JoinConstraint::None => {}
            }
        }
        Some(())
    }

    /// `USING (name)`: the column of the last source is one with that of an earlier one.
    fn merge(&mut self, name: &Ident, scope: &mut Scope) -> Option<()> {
        let level = scope.levels.last_mut()?;
        let (last, earlier) = level.split_last_mut()?;
        let left = earlier
            .iter()
            .find(|source| source.columns.iter().any(|column| column.0 == *name))?;
        for source in [left, &*last] {
            if let Some(relation) = &source.relation {
                self.reads.push((relation.clone(), Some(name.clone())));
            }
        }
        last.merged.push(name.clone());
        Some(())
    }

    fn source(&mut self, factor: &TableFactor, scope: &mut Scope) -> Option<()> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => {
                let relation = expressions::qualified(name)?;
                let named = scope
                    .queries
                    .iter()
                    .rev()
                    .find(|(name, _)| relation.schema.is_none() && *name == relation.name);
                let (columns, of) = if let Some((_, columns)) = named {
                    (columns.clone(), None)
                } else {
                    let columns = self.relations.columns(&relation)?.into_iter();
                    self.reads.push((relation.clone(), None));
                    let columns = columns.map(|(name, ty)| (name, Some(ty))).collect();
                    (columns, Some(relation.clone()))
                };
                scope.add(Source {
                    name: alias
                        .as_ref()
                        .map_or_else(|| relation.name.clone(), |alias| ident(&alias.name)),
                    columns,
                    relation: of,
                    merged: Vec::new(),
                });
                // New names for columns would have to be carried along.
                alias
                    .as_ref()
                    .is_none_or(|alias| alias.columns.is_empty())
                    .then_some(())
            }
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                ..
            } => {
                let mut outer = scope.clone();
                if !lateral && let Some(level) = outer.levels.last_mut() {
                    level.clear();
                }
                let columns = self.query(subquery, &outer)?;
                let name = alias
                    .as_ref()
                    .map_or_else(|| Ident::exact("?"), |alias| ident(&alias.name));
                scope.add(Source {
                    name,
                    columns: match alias {
                        Some(alias) => renamed(columns, alias),
                        None => columns,
                    },
                    relation: None,
                    merged: Vec::new(),
                });
                Some(())
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: None,
            } => self.joins(table_with_joins, scope),
            // Functions in FROM have the columns of their result, which is not known.
            _ => None,
        }
    }
}

/// The columns under the names that an alias gives them.
fn renamed(mut columns: Vec<Column>, alias: &TableAlias) -> Vec<Column> {
    for (column, given) in columns.iter_mut().zip(&alias.columns) {
        column.0 = ident(&given.name);
    }
    columns
}

/// A name as the server stores it.
fn ident(written: &sqlparser::ast::Ident) -> Ident {
    match written.quote_style {
        Some(_) => Ident::exact(&written.value),
        None => Ident::folded(&written.value),
    }
}
