//! Views, and queries that are kept as tables.

use super::{OptionValue, Persistence};
use crate::{
    ident::{Ident, QualifiedName},
    source::Span,
};

/// `CREATE [OR REPLACE] [MATERIALIZED] VIEW`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateView {
    /// `MATERIALIZED`.
    pub materialized: bool,
    /// `OR REPLACE`.
    pub or_replace: bool,
    /// `TEMPORARY`, or `UNLOGGED` of a materialized view.
    pub persistence: Persistence,
    /// `RECURSIVE`.
    pub recursive: bool,
    /// `IF NOT EXISTS`, of a materialized view.
    pub if_not_exists: bool,
    /// The view.
    pub name: QualifiedName,
    /// Its column names, when they are given.
    pub columns: Vec<Ident>,
    /// `USING method`, of a materialized view.
    pub access_method: Option<Ident>,
    /// `WITH (…)`.
    pub options: Vec<OptionValue>,
    /// `TABLESPACE name`, of a materialized view.
    pub tablespace: Option<Ident>,
    /// The bytes of the query.
    pub query: Span,
    /// The relations in the query, in order, each once.
    pub reads: Vec<QualifiedName>,
    /// `WITH [LOCAL | CASCADED] CHECK OPTION`.
    pub check_option: Option<CheckOption>,
    /// Whether it is filled; false for `WITH NO DATA`.
    pub with_data: bool,
}

/// What a row written through a view must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckOption {
    /// This view only.
    Local,
    /// The views below it too; what `WITH CHECK OPTION` means.
    Cascaded,
}

/// `SELECT … INTO table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectInto {
    /// The table that is made.
    pub name: QualifiedName,
    /// `TEMPORARY`, `UNLOGGED` or neither.
    pub persistence: Persistence,
    /// The bytes of `INTO …`, without which the statement is a query.
    pub clause: Span,
    /// The relations that the query reads, in order, each once.
    pub reads: Vec<QualifiedName>,
}

/// `REFRESH MATERIALIZED VIEW`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// The view.
    pub name: QualifiedName,
    /// Whether it is filled; false for `WITH NO DATA`.
    pub with_data: bool,
}
