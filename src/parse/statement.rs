//! The statements zdm knows, as plain values.
//!
//! These are zdm's own types: nothing here comes from `sqlparser`. Names are already folded and
//! cut as the server does it. Every part that may be shown or reused keeps its span; SQL text is
//! always taken from the source by span, never printed back from a tree.
//! Next: `parse::ddl` builds them, [`crate::catalog`] applies them.

use crate::{
    ident::{Ident, QualifiedName},
    parse::{directive::Directive, expr::Expr},
    source::Span,
};

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// From its first to its last token, without the semicolon. Never empty.
    pub span: Span,
    /// What it says.
    pub kind: StatementKind,
    /// The directives attached to it, in order.
    pub directives: Vec<Directive>,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatementKind {
    /// `ALTER TABLE | INDEX | VIEW | MATERIALIZED VIEW | SEQUENCE | FOREIGN TABLE`.
    AlterRelation(AlterRelation),
    /// `CREATE TABLE`.
    CreateTable(Box<CreateTable>),
    /// `CREATE [UNIQUE] INDEX`.
    CreateIndex(Box<CreateIndex>),
    /// `DROP` of anything.
    Drop(Drop),
    /// `UPDATE` of one table.
    Update(Update),
    /// `INSERT`, `DELETE`, `MERGE`, `TRUNCATE`, `SELECT`, `COPY`, `WITH`.
    Data(Data),
    /// `BEGIN`, `COMMIT`, `SAVEPOINT` and their relatives.
    Transaction(Transaction),
    /// `SET`, `SET LOCAL`, `RESET`, `SELECT set_config(…)` is not one.
    Set(Set),
    /// Anything else: kept as it is, never assumed safe.
    Opaque(Opaque),
}

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
    /// `SET (name = value, …)`, names lower case.
    SetOptions(Vec<Ident>),
    /// `RESET (name, …)`.
    ResetOptions(Vec<Ident>),
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
        bound: Option<Span>,
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
    DependsOnExtension(Ident),
    /// A subcommand of another relation kind (`ALTER SEQUENCE … RESTART`), or one not understood.
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
    /// `SET STATISTICS n`.
    SetStatistics,
    /// `SET (…)`.
    SetOptions,
    /// `RESET (…)`.
    ResetOptions,
    /// `SET STORAGE mode`.
    SetStorage(Ident),
    /// `SET COMPRESSION method`.
    SetCompression(Ident),
    /// `ADD GENERATED … AS IDENTITY [(…)]`.
    AddIdentity {
        /// `ALWAYS` rather than `BY DEFAULT`.
        always: bool,
    },
    /// `SET GENERATED …`, `SET INCREMENT …`, `RESTART`.
    SetIdentity,
    /// `DROP IDENTITY [IF EXISTS]`.
    DropIdentity,
    /// `SET EXPRESSION AS (expr)`.
    SetExpression(Expr),
    /// `DROP EXPRESSION [IF EXISTS]`.
    DropExpression,
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
    /// `EXCLUDE …`, raw.
    Exclude,
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
    pub likes: Vec<QualifiedName>,
    /// `INHERITS (…)`.
    pub inherits: Vec<QualifiedName>,
    /// `PARTITION OF parent bound`.
    pub partition_of: Option<PartitionOf>,
    /// `PARTITION BY …`, raw.
    pub partition_by: Option<Span>,
    /// `OF type`.
    pub of_type: Option<QualifiedName>,
    /// `AS query`: the bytes of the query, for `CREATE TABLE … AS`.
    pub as_query: Option<Span>,
}

/// `PARTITION OF parent bound`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOf {
    /// The partitioned table.
    pub parent: QualifiedName,
    /// `FOR VALUES …` or `DEFAULT`.
    pub bound: Span,
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

/// What `DROP` can name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DropKind {
    /// `DROP TABLE` or `DROP FOREIGN TABLE`.
    Table,
    /// `DROP INDEX`.
    Index,
    /// `DROP VIEW`.
    View,
    /// `DROP MATERIALIZED VIEW`.
    MaterializedView,
    /// `DROP SEQUENCE`.
    Sequence,
    /// `DROP TYPE`.
    Type,
    /// `DROP DOMAIN`.
    Domain,
    /// `DROP SCHEMA`.
    Schema,
    /// `DROP FUNCTION | PROCEDURE | AGGREGATE | ROUTINE`.
    Function,
    /// `DROP TRIGGER … ON`.
    Trigger,
    /// `DROP POLICY … ON`.
    Policy,
    /// `DROP RULE … ON`.
    Rule,
    /// `DROP EXTENSION`.
    Extension,
    /// `DROP STATISTICS`.
    Statistics,
    /// `DROP PUBLICATION`.
    Publication,
    /// Anything else, by its key words in upper case.
    Other(String),
}

/// `DROP` of anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drop {
    /// What is dropped.
    pub kind: DropKind,
    /// `CONCURRENTLY`.
    pub concurrently: bool,
    /// `IF EXISTS`.
    pub if_exists: bool,
    /// The names, in order.
    pub names: Vec<QualifiedName>,
    /// The relation of a trigger, policy or rule.
    pub on: Option<QualifiedName>,
    /// `CASCADE` or not.
    pub behavior: DropBehavior,
}

/// `UPDATE` of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The table.
    pub table: QualifiedName,
    /// Its alias.
    pub alias: Option<Ident>,
    /// `SET column = expr`, in order; `None` when the list has another form (`(a, b) = (…)`).
    pub assignments: Option<Vec<(Ident, Expr)>>,
    /// `WHERE expr`.
    pub predicate: Option<Expr>,
    /// `FROM …`, `RETURNING …` or a leading `WITH …` is present.
    pub other_clauses: bool,
    /// Every other relation that is named anywhere in it, in order.
    pub reads: Vec<QualifiedName>,
}

/// The kinds of data statement that are not `UPDATE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// `INSERT`.
    Insert,
    /// `UPDATE` in a form that [`Update`] does not hold (in a `WITH`).
    Update,
    /// `DELETE`.
    Delete,
    /// `MERGE`.
    Merge,
    /// `TRUNCATE`.
    Truncate,
    /// `COPY`.
    Copy,
    /// `SELECT`, `VALUES`, `TABLE`.
    Select,
}

/// A statement on rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Which.
    pub kind: DataKind,
    /// The tables it changes; for `SELECT`, none.
    pub targets: Vec<QualifiedName>,
    /// Every other name in relation position that was found (`FROM`, `JOIN`, `USING`).
    pub reads: Vec<QualifiedName>,
    /// Whether it has a `WHERE` of its own.
    pub filtered: bool,
    /// Whether it takes its rows from a query (`INSERT … SELECT`).
    pub from_query: bool,
}

/// Transaction control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transaction {
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// `SAVEPOINT`.
    Savepoint,
    /// `RELEASE`.
    Release,
    /// `ROLLBACK TO`.
    RollbackTo,
}

/// `SET`, `SET LOCAL`, `RESET`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// `SET LOCAL`, and the forms that last for one transaction anyway (`SET CONSTRAINTS`,
    /// `SET TRANSACTION`).
    pub local: bool,
    /// The setting, lower case (`search_path`, `role`, `lock_timeout`, `constraints`, `all`).
    pub name: String,
    /// The value as written; `None` for `RESET` and `TO DEFAULT`.
    pub value: Option<String>,
}

/// A statement without structure of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opaque {
    /// Its leading key words in upper case, enough to name it (`CREATE FUNCTION`, `COMMENT`).
    pub keywords: String,
    /// Every name in the statement that could be a relation, as far as tokens show.
    pub names: Vec<QualifiedName>,
}
