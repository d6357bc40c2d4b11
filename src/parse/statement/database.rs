//! Objects of the whole database: schemas, extensions, publications; and extended statistics.

use super::{ObjectReference, OptionValue, Statement};
use crate::{
    ident::{Ident, QualifiedName},
    parse::expr::Expr,
};

/// `CREATE SCHEMA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateSchema {
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Its name; absent when it is that of the owner.
    pub name: Option<Ident>,
    /// `AUTHORIZATION role`.
    pub authorization: Option<Ident>,
    /// The statements that fill it, in order.
    pub elements: Vec<Statement>,
}

/// `ALTER SCHEMA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterSchema {
    /// The schema.
    pub name: Ident,
    /// What changes.
    pub action: SchemaAction,
}

/// What `ALTER SCHEMA` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaAction {
    /// `RENAME TO name`.
    RenameTo(Ident),
    /// `OWNER TO role`.
    OwnerTo(Ident),
}

/// `CREATE EXTENSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateExtension {
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Its name.
    pub name: Ident,
    /// `SCHEMA name`.
    pub schema: Option<Ident>,
    /// `VERSION name`.
    pub version: Option<String>,
    /// `CASCADE`: what it needs is installed too.
    pub cascade: bool,
}

/// `ALTER EXTENSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterExtension {
    /// Its name.
    pub name: Ident,
    /// What changes.
    pub action: ExtensionAction,
}

/// What `ALTER EXTENSION` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionAction {
    /// `UPDATE [TO version]`.
    Update(Option<String>),
    /// `SET SCHEMA name`.
    SetSchema(Ident),
    /// `ADD object`.
    Add(ObjectReference),
    /// `DROP object`.
    Drop(ObjectReference),
}

/// `CREATE PUBLICATION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePublication {
    /// Its name.
    pub name: Ident,
    /// `FOR ALL TABLES`.
    pub all_tables: bool,
    /// `FOR …`, in order.
    pub objects: Vec<PublicationObject>,
    /// `WITH (…)`.
    pub options: Vec<OptionValue>,
}

/// What a publication holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicationObject {
    /// `TABLE name [(columns)] [WHERE (condition)]`.
    Table {
        /// `ONLY`.
        only: bool,
        /// The table.
        name: QualifiedName,
        /// Its columns; empty means all.
        columns: Vec<Ident>,
        /// Which rows.
        filter: Option<Expr>,
    },
    /// `TABLES IN SCHEMA name`; `None` for `CURRENT_SCHEMA`.
    TablesInSchema(Option<Ident>),
}

/// `ALTER PUBLICATION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterPublication {
    /// Its name.
    pub name: Ident,
    /// What changes.
    pub action: PublicationAction,
}

/// What `ALTER PUBLICATION` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicationAction {
    /// `ADD …`.
    Add(Vec<PublicationObject>),
    /// `SET TABLE …` and `SET TABLES …`.
    Set(Vec<PublicationObject>),
    /// `DROP …`.
    Drop(Vec<PublicationObject>),
    /// `SET (…)`.
    SetOptions(Vec<OptionValue>),
    /// `RENAME TO name`.
    RenameTo(Ident),
    /// `OWNER TO role`.
    OwnerTo(Ident),
}

/// `CREATE STATISTICS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateStatistics {
    /// `IF NOT EXISTS`.
    pub if_not_exists: bool,
    /// Its name; PostgreSQL makes one up when it is absent.
    pub name: Option<QualifiedName>,
    /// `( kind, … )`.
    pub kinds: Vec<Ident>,
    /// Its columns and expressions, in order.
    pub columns: Vec<StatisticsColumn>,
    /// The table.
    pub table: QualifiedName,
}

/// One part of extended statistics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticsColumn {
    /// A column.
    Column(Ident),
    /// An expression.
    Expr(Expr),
}

/// `ALTER STATISTICS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterStatistics {
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// Its name.
    pub name: QualifiedName,
    /// What changes.
    pub action: StatisticsAction,
}

/// What `ALTER STATISTICS` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticsAction {
    /// `SET STATISTICS n`; `None` for `DEFAULT`.
    SetTarget(Option<i32>),
    /// `RENAME TO name`.
    RenameTo(Ident),
    /// `OWNER TO role`.
    OwnerTo(Ident),
    /// `SET SCHEMA name`.
    SetSchema(Ident),
}
