//! `ALTER TABLE` and its relatives, with their subcommands.

use super::{
    ColumnDef, ConstraintAttributes, DataType, OptionValue, PartitionBound, SequenceOption,
    TableConstraint,
};
use crate::{
    ident::{Ident, QualifiedName},
    parse::expr::Expr,
    source::Span,
};

/// The kinds of relation `ALTER` can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelationKind {
    /// A table; PostgreSQL accepts `ALTER TABLE` for most other relations too.
    Table,
    /// An index.
    Index,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// A foreign table.
    ForeignTable,
}

/// `ALTER <relation> … <actions>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterRelation {
    /// The word after `ALTER`.
    pub kind: RelationKind,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// `ONLY`: without partitions and children.
    pub only: bool,
    /// The relation.
    pub name: QualifiedName,
    /// Its subcommands, in order. Never empty.
    pub actions: Vec<AlterAction>,
}

/// One subcommand of `ALTER TABLE` and its relatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterAction {
    /// The bytes of this subcommand.
    pub span: Span,
    /// What it does.
    pub kind: AlterActionKind,
}

/// `CASCADE` or `RESTRICT`; the latter is the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DropBehavior {
    /// Refuse when something depends on it.
    #[default]
    Restrict,
    /// Drop what depends on it too.
    Cascade,
}

/// What a subcommand does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterActionKind {
    /// `ADD [COLUMN] [IF NOT EXISTS] column`.
    AddColumn {
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// The new column.
        column: Box<ColumnDef>,
    },
    /// `DROP [COLUMN] [IF EXISTS] name`.
    DropColumn {
        /// `IF EXISTS`.
        if_exists: bool,
        /// The column.
        name: Ident,
        /// `CASCADE` or not.
        behavior: DropBehavior,
    },
    /// `ALTER [COLUMN] name …`.
    AlterColumn {
        /// The column; for an index, its number as text.
        name: Ident,
        /// What changes.
        action: ColumnAction,
    },
    /// `ADD [CONSTRAINT name] …`.
    AddConstraint(Box<TableConstraint>),
    /// `ALTER CONSTRAINT name …`.
    AlterConstraint {
        /// The constraint.
        name: Ident,
        /// The attributes given.
        attributes: ConstraintAttributes,
    },
    /// `VALIDATE CONSTRAINT name`.
    ValidateConstraint {
        /// The constraint.
        name: Ident,
    },
    /// `DROP CONSTRAINT [IF EXISTS] name`.
    DropConstraint {
        /// `IF EXISTS`.
        if_exists: bool,
        /// The constraint.
        name: Ident,
        /// `CASCADE` or not.
        behavior: DropBehavior,
    },
    /// `RENAME TO name`.
    RenameTo(Ident),
    /// `RENAME [COLUMN] from TO to`.
    RenameColumn {
        /// Old name.
        from: Ident,
        /// New name.
        to: Ident,
    },
    /// `RENAME CONSTRAINT from TO to`.
    RenameConstraint {
        /// Old name.
        from: Ident,
        /// New name.
        to: Ident,
    },
    /// `SET SCHEMA name`.
    SetSchema(Ident),
    /// `OWNER TO role`.
    OwnerTo(Ident),
    /// `ENABLE | DISABLE [REPLICA | ALWAYS] TRIGGER name | ALL | USER`.
    Trigger {
        /// The firing state asked for.
        firing: Firing,
        /// The trigger; `None` for `ALL` and `USER`.
        name: Option<Ident>,
    },
    /// `ENABLE | DISABLE [REPLICA | ALWAYS] RULE name`.
    Rule {
        /// The firing state asked for.
        firing: Firing,
        /// The rule.
        name: Ident,
    },
    /// `ENABLE | DISABLE | FORCE | NO FORCE ROW LEVEL SECURITY`.
    RowSecurity(RowSecurity),
    /// `CLUSTER ON index`.
    ClusterOn(Ident),
    /// `SET WITHOUT CLUSTER`.
    DropCluster,
    /// `SET WITHOUT OIDS`.
    DropOids,
    /// `SET LOGGED`.
    SetLogged,
    /// `SET UNLOGGED`.
    SetUnlogged,
    /// `SET ACCESS METHOD name | DEFAULT`.
    SetAccessMethod(Option<Ident>),
    /// `SET TABLESPACE name`.
    SetTablespace(Ident),
    /// `SET (name = value, …)`.
    SetOptions(Vec<OptionValue>),
    /// `RESET (name, …)`.
    ResetOptions(Vec<OptionValue>),
    /// `INHERIT parent`.
    Inherit(QualifiedName),
    /// `NO INHERIT parent`.
    NoInherit(QualifiedName),
    /// `OF type`.
    OfType(QualifiedName),
    /// `NOT OF`.
    NotOf,
    /// `REPLICA IDENTITY …`.
    ReplicaIdentity(ReplicaIdentity),
    /// `ATTACH PARTITION name bound`, on a table or an index (where the bound is empty).
    AttachPartition {
        /// The table or index attached.
        name: QualifiedName,
        /// `FOR VALUES …` or `DEFAULT`; `None` on an index.
        bound: Option<PartitionBound>,
    },
    /// `DETACH PARTITION name [CONCURRENTLY | FINALIZE]`.
    DetachPartition {
        /// The partition.
        name: QualifiedName,
        /// `CONCURRENTLY`.
        concurrently: bool,
        /// `FINALIZE`.
        finalize: bool,
    },
    /// `[NO] DEPENDS ON EXTENSION name`.
    DependsOnExtension {
        /// `NO`.
        no: bool,
        /// The extension.
        extension: Ident,
    },
    /// What `ALTER SEQUENCE` changes, in order. Never empty.
    SequenceOptions(Vec<SequenceOption>),
    /// `OPTIONS (…)` of a foreign table: what they mean is up to its wrapper.
    Other,
}

/// What `ALTER COLUMN` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnAction {
    /// `SET DEFAULT expr`.
    SetDefault(Expr),
    /// `DROP DEFAULT`.
    DropDefault,
    /// `SET NOT NULL`.
    SetNotNull,
    /// `DROP NOT NULL`.
    DropNotNull,
    /// `[SET DATA] TYPE type [COLLATE c] [USING expr]`.
    Type {
        /// The new type.
        ty: DataType,
        /// `COLLATE`.
        collation: Option<QualifiedName>,
        /// `USING`.
        using: Option<Expr>,
    },
    /// `SET STATISTICS n`; `None` for `DEFAULT`.
    SetStatistics(Option<i32>),
    /// `SET (name = value, …)`; `OPTIONS (…)` of a foreign table's column has no entries.
    SetOptions(Vec<OptionValue>),
    /// `RESET (name, …)`.
    ResetOptions(Vec<OptionValue>),
    /// `SET STORAGE mode`.
    SetStorage(Ident),
    /// `SET COMPRESSION method`.
    SetCompression(Ident),
    /// `ADD GENERATED … AS IDENTITY [(…)]`.
    AddIdentity {
        /// `ALWAYS` rather than `BY DEFAULT`.
        always: bool,
        /// The options of its sequence.
        options: Vec<SequenceOption>,
    },
    /// `SET GENERATED …`, `SET INCREMENT …`, `RESTART`.
    SetIdentity {
        /// `SET GENERATED ALWAYS` (true) or `BY DEFAULT` (false), when given.
        always: Option<bool>,
        /// The options of its sequence.
        options: Vec<SequenceOption>,
    },
    /// `DROP IDENTITY [IF EXISTS]`.
    DropIdentity {
        /// `IF EXISTS`.
        if_exists: bool,
    },
    /// `SET EXPRESSION AS (expr)`.
    SetExpression(Expr),
    /// `DROP EXPRESSION [IF EXISTS]`.
    DropExpression {
        /// `IF EXISTS`.
        if_exists: bool,
    },
}

/// When a trigger or rule fires (`pg_trigger.tgenabled`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Firing {
    /// `ENABLE`: in sessions whose `session_replication_role` is not `replica`.
    Origin,
    /// `DISABLE`.
    Disabled,
    /// `ENABLE REPLICA`.
    Replica,
    /// `ENABLE ALWAYS`.
    Always,
}

/// The row security subcommands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowSecurity {
    /// `ENABLE`.
    Enable,
    /// `DISABLE`.
    Disable,
    /// `FORCE`.
    Force,
    /// `NO FORCE`.
    NoForce,
}

/// `REPLICA IDENTITY …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplicaIdentity {
    /// The primary key.
    Default,
    /// The whole row.
    Full,
    /// None.
    Nothing,
    /// A unique index.
    Index(Ident),
}
