//! Constraints of columns and tables.

use super::{IndexColumn, SequenceOption};
use crate::{
    ident::{Ident, QualifiedName},
    parse::expr::Expr,
    source::Span,
};

/// One constraint of a column definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnConstraint {
    /// The bytes of it, `CONSTRAINT name` included.
    pub span: Span,
    /// `CONSTRAINT name`.
    pub name: Option<Ident>,
    /// What it demands.
    pub kind: ColumnConstraintKind,
    /// `DEFERRABLE`, `NOT ENFORCED`, …
    pub attributes: ConstraintAttributes,
}

/// What a column constraint demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnConstraintKind {
    /// `NOT NULL`.
    NotNull,
    /// `NULL`.
    Null,
    /// `DEFAULT expr`.
    Default(Expr),
    /// `CHECK (expr)`.
    Check(Expr),
    /// `UNIQUE`.
    Unique {
        /// `NULLS NOT DISTINCT`.
        nulls_not_distinct: bool,
    },
    /// `PRIMARY KEY`.
    PrimaryKey,
    /// `REFERENCES …`.
    References(References),
    /// `GENERATED ALWAYS AS (expr) STORED | VIRTUAL`.
    Generated {
        /// The expression.
        expr: Expr,
        /// `STORED` rather than `VIRTUAL`.
        stored: bool,
    },
    /// `GENERATED … AS IDENTITY`.
    Identity {
        /// `ALWAYS` rather than `BY DEFAULT`.
        always: bool,
        /// The options of its sequence.
        options: Vec<SequenceOption>,
    },
}

/// The right side of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct References {
    /// The referenced table.
    pub table: QualifiedName,
    /// The referenced columns; empty means its primary key.
    pub columns: Vec<Ident>,
    /// `MATCH FULL`.
    pub match_full: bool,
    /// `ON DELETE …`, words folded, e.g. `set null`.
    pub on_delete: Option<String>,
    /// `ON UPDATE …`.
    pub on_update: Option<String>,
}

/// Attributes that may follow a constraint, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConstraintAttributes {
    /// `DEFERRABLE` (true) or `NOT DEFERRABLE` (false).
    pub deferrable: Option<bool>,
    /// `INITIALLY DEFERRED` (true) or `INITIALLY IMMEDIATE` (false).
    pub initially_deferred: Option<bool>,
    /// `NOT VALID`.
    pub not_valid: bool,
    /// `ENFORCED` (true) or `NOT ENFORCED` (false, which implies not validated).
    pub enforced: Option<bool>,
    /// `NO INHERIT` (true) or, in `ALTER CONSTRAINT`, `INHERIT` (false).
    pub no_inherit: Option<bool>,
}

/// A constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableConstraint {
    /// The bytes of it, `CONSTRAINT name` included.
    pub span: Span,
    /// `CONSTRAINT name`.
    pub name: Option<Ident>,
    /// What it demands.
    pub kind: TableConstraintKind,
    /// `DEFERRABLE`, `NOT VALID`, …
    pub attributes: ConstraintAttributes,
}

/// What a table constraint demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableConstraintKind {
    /// `CHECK (expr)`.
    Check(Expr),
    /// `NOT NULL column` (PostgreSQL 18).
    NotNull(Ident),
    /// `UNIQUE (…)` or `PRIMARY KEY (…)`.
    Key(Key),
    /// `UNIQUE | PRIMARY KEY USING INDEX name`.
    KeyUsingIndex {
        /// `PRIMARY KEY` rather than `UNIQUE`.
        primary: bool,
        /// The index.
        index: Ident,
    },
    /// `FOREIGN KEY (columns) REFERENCES …`.
    ForeignKey {
        /// The referencing columns.
        columns: Vec<Ident>,
        /// The referenced side.
        references: References,
        /// `PERIOD` on its last column.
        period: bool,
    },
    /// `EXCLUDE [USING method] (element WITH operator, …)`.
    Exclude(Box<Exclude>),
}

/// `EXCLUDE …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclude {
    /// `USING method`.
    pub method: Option<Ident>,
    /// Each part, with the operator that it is compared by (`&&`, `OPERATOR(s.=)`).
    pub elements: Vec<(IndexColumn, String)>,
    /// `INCLUDE (…)`.
    pub include: Vec<Ident>,
    /// `WHERE (condition)`.
    pub predicate: Option<Expr>,
}

/// `UNIQUE (…)` or `PRIMARY KEY (…)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `PRIMARY KEY` rather than `UNIQUE`.
    pub primary: bool,
    /// The key columns.
    pub columns: Vec<Ident>,
    /// `INCLUDE (…)`.
    pub include: Vec<Ident>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `WITHOUT OVERLAPS` on its last column.
    pub without_overlaps: bool,
    /// `WITH (…)`, the parentheses included.
    pub options: Option<Span>,
    /// `USING INDEX TABLESPACE name`.
    pub tablespace: Option<Ident>,
}
