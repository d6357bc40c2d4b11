//! Statements that keep relations in order: REINDEX, CLUSTER, VACUUM, ANALYZE, LOCK.

use super::{OptionValue, RelationKind};
use crate::ident::{Ident, QualifiedName};

/// `REINDEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reindex {
    /// What is named.
    pub kind: ReindexKind,
    /// `CONCURRENTLY`, in either place.
    pub concurrently: bool,
    /// `( … )`.
    pub options: Vec<OptionValue>,
    /// The object; may be absent for a database or system.
    pub name: Option<QualifiedName>,
}

/// What `REINDEX` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReindexKind {
    /// One index.
    Index,
    /// All indexes of a table.
    Table,
    /// All indexes of a schema.
    Schema,
    /// All indexes of the database but those of system catalogs.
    Database,
    /// The indexes of system catalogs.
    System,
}

/// `CLUSTER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// `VERBOSE` and whatever stood in parentheses.
    pub options: Vec<OptionValue>,
    /// The table; absent: every table that was clustered before.
    pub table: Option<QualifiedName>,
    /// The index to go by.
    pub index: Option<Ident>,
}

/// `VACUUM` or `ANALYZE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vacuum {
    /// `ANALYZE` alone rather than `VACUUM`.
    pub analyze_only: bool,
    /// The options of either syntax; those of the old one have no value.
    pub options: Vec<OptionValue>,
    /// The tables; empty means all.
    pub tables: Vec<VacuumTable>,
}

impl Vacuum {
    /// Whether the option is given and not switched off.
    pub fn is_on(&self, option: &str) -> bool {
        self.options
            .iter()
            .rfind(|given| given.name.as_str() == option)
            .is_some_and(OptionValue::is_on)
    }
}

/// One table of `VACUUM` or `ANALYZE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VacuumTable {
    /// `ONLY`.
    pub only: bool,
    /// The table.
    pub name: QualifiedName,
    /// Its columns; empty means all.
    pub columns: Vec<Ident>,
}

/// `LOCK [TABLE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// The relations, and whether `ONLY` stood in front.
    pub relations: Vec<(bool, QualifiedName)>,
    /// The mode asked for.
    pub mode: TableLockMode,
    /// `NOWAIT`.
    pub nowait: bool,
}

/// The modes of `LOCK TABLE`, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TableLockMode {
    /// `ACCESS SHARE`.
    AccessShare,
    /// `ROW SHARE`.
    RowShare,
    /// `ROW EXCLUSIVE`.
    RowExclusive,
    /// `SHARE UPDATE EXCLUSIVE`.
    ShareUpdateExclusive,
    /// `SHARE`.
    Share,
    /// `SHARE ROW EXCLUSIVE`.
    ShareRowExclusive,
    /// `EXCLUSIVE`.
    Exclusive,
    /// `ACCESS EXCLUSIVE`, also when no mode is said.
    AccessExclusive,
}

/// `ALTER TABLE | INDEX | MATERIALIZED VIEW ALL IN TABLESPACE name … SET TABLESPACE name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveAll {
    /// The word after `ALTER`.
    pub kind: RelationKind,
    /// The tablespace they are in.
    pub from: Ident,
    /// `OWNED BY role, …`.
    pub owners: Vec<Ident>,
    /// The tablespace they go to.
    pub to: Ident,
    /// `NOWAIT`.
    pub nowait: bool,
}
