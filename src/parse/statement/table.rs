//! Tables, their columns, and indexes.

use super::{ColumnConstraint, ColumnConstraintKind, Like, OnCommit, OptionValue, TableConstraint};
use crate::{
    ident::{Ident, QualifiedName},
    parse::expr::Expr,
    source::Span,
};

/// A column as `CREATE TABLE` and `ADD COLUMN` define it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnDef {
    /// The whole definition.
    pub span: Span,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: DataType,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
    /// `STORAGE mode`.
    pub storage: Option<Ident>,
    /// `COMPRESSION method`.
    pub compression: Option<Ident>,
    /// Its constraints, in order; `DEFAULT` and `GENERATED` count as such, as in the manual.
    pub constraints: Vec<ColumnConstraint>,
}

impl ColumnDef {
    /// Whether rows that leave it out get a value by what is written of it: a default that is not
    /// NULL, an expression, an identity. Serial types say it by their name.
    pub fn gives_value(&self) -> bool {
        self.constraints
            .iter()
            .any(|constraint| match &constraint.kind {
                ColumnConstraintKind::Default(expr) => !expr.is_null(),
                ColumnConstraintKind::Generated { .. } | ColumnConstraintKind::Identity { .. } => {
                    true
                }
                ColumnConstraintKind::NotNull
                | ColumnConstraintKind::Null
                | ColumnConstraintKind::Check(_)
                | ColumnConstraintKind::Unique { .. }
                | ColumnConstraintKind::PrimaryKey
                | ColumnConstraintKind::References(_) => false,
            })
    }
}

/// A type name as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataType {
    /// The bytes of the type, array bounds included.
    pub span: Span,
    /// The text of those bytes with white space folded.
    pub text: String,
    /// The base name, folded (`character varying`, `timestamp with time zone`, `my_enum`);
    /// words of multi-word types joined by one space.
    pub name: QualifiedName,
    /// What stood in parentheses (`10, 2`), trimmed.
    pub modifiers: Option<String>,
    /// How many `[]`.
    pub array_dimensions: usize,
}

/// Whether a table lives longer than its session, and whether its changes are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Persistence {
    /// The usual kind.
    #[default]
    Permanent,
    /// `UNLOGGED`.
    Unlogged,
    /// `TEMPORARY`.
    Temporary,
}

/// `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateTable {
    /// The table.
    pub name: QualifiedName,
    /// `TEMPORARY`, `UNLOGGED` or neither.
    pub persistence: Persistence,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Its columns, in order. In a typed table or a partition these are options of columns that
    /// come from elsewhere, and their types are empty; `CREATE TABLE (a, b) AS` has none.
    pub columns: Vec<ColumnDef>,
    /// Its table constraints, in order.
    pub constraints: Vec<TableConstraint>,
    /// `LIKE source …`.
    pub likes: Vec<Like>,
    /// `INHERITS (…)`.
    pub inherits: Vec<QualifiedName>,
    /// `PARTITION OF parent bound`.
    pub partition_of: Option<PartitionOf>,
    /// `PARTITION BY …`, raw.
    pub partition_by: Option<Span>,
    /// `OF type`.
    pub of_type: Option<QualifiedName>,
    /// `USING method`.
    pub access_method: Option<Ident>,
    /// `WITH (…)`.
    pub options: Vec<OptionValue>,
    /// `ON COMMIT …`.
    pub on_commit: Option<OnCommit>,
    /// `TABLESPACE name`.
    pub tablespace: Option<Ident>,
    /// `AS query`, for `CREATE TABLE … AS`.
    pub as_query: Option<AsQuery>,
}

/// `CREATE TABLE … [(columns)] AS query [WITH [NO] DATA]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsQuery {
    /// The column names, when they are given.
    pub columns: Vec<Ident>,
    /// The bytes of the query.
    pub query: Span,
    /// The relations in the query, in order, each once.
    pub reads: Vec<QualifiedName>,
    /// Whether it is filled; false for `WITH NO DATA`.
    pub with_data: bool,
}

/// `PARTITION OF parent bound`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOf {
    /// The partitioned table.
    pub parent: QualifiedName,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bound: PartitionBound,
}

/// `FOR VALUES …` or `DEFAULT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionBound {
    /// Its bytes.
    pub span: Span,
    /// Their text.
    pub text: String,
}

/// `CREATE [UNIQUE] INDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateIndex {
    /// `UNIQUE`.
    pub unique: bool,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Its name; PostgreSQL makes one up when it is absent.
    pub name: Option<Ident>,
    /// `ONLY`: not on partitions.
    pub only: bool,
    /// The table or materialized view.
    pub table: QualifiedName,
    /// `USING method`.
    pub method: Option<Ident>,
    /// Its key parts, in order.
    pub columns: Vec<IndexColumn>,
    /// `INCLUDE (…)`.
    pub include: Vec<Ident>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `WITH (…)`, the parentheses included.
    pub options: Option<Span>,
    /// `TABLESPACE name`.
    pub tablespace: Option<Ident>,
    /// `WHERE expr`.
    pub predicate: Option<Expr>,
    /// From the opening parenthesis of the key list, or `USING`, to the end of the statement:
    /// what to repeat behind another index name.
    pub definition: Span,
}

/// One key part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexColumn {
    /// The whole part.
    pub span: Span,
    /// The column, when the part is a plain column.
    pub column: Option<Ident>,
    /// The expression; for a plain column, its name.
    pub expr: Expr,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
    /// The operator class.
    pub opclass: Option<QualifiedName>,
    /// `DESC`.
    pub descending: bool,
    /// `NULLS FIRST` (true) or `NULLS LAST` (false), when written.
    pub nulls_first: Option<bool>,
}
