//! What exists in a database at one point of a history: a value, nothing more.
//!
//! A [`Catalog`] comes from replaying statements (`apply`) or from a live database
//! (`db::introspect`); a live one wins. Facts that are not known are `None`; what is not in a
//! catalog that is not [`Catalog::complete`] may still exist.
//! Next: [`crate::effects`] says what a statement does to it.

pub mod apply;
pub mod fingerprint;
mod lookup;
pub mod map;
pub mod stats;
pub mod types;
pub mod user_type;
pub mod version;
pub mod view;
pub mod volatility;

use serde::{Deserialize, Serialize};

use crate::ident::{Ident, ObjectName, QualifiedName};

pub use apply::apply;
pub use fingerprint::{differences, fingerprint};
pub use lookup::Lookup;
pub use map::Map;
pub use stats::Stats;
pub use types::{TypeChange, change, domain};
pub use user_type::{DomainCheck, UserType, UserTypeKind};
pub use version::PgVersion;
pub use view::{View, ViewColumn, ViewHook};
pub use volatility::volatility;

/// Everything zdm knows of one database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// The server's major version.
    pub version: PgVersion,
    /// Whether anything that is not in here certainly does not exist.
    pub complete: bool,
    /// Whether row counts and sizes come from a live database.
    pub live: bool,
    /// The schemas looked through for an unqualified name, in order, implicit ones left out.
    pub search_path: Vec<Ident>,
    /// The session's `TimeZone` setting, when known; some type changes depend on it.
    pub time_zone: Option<String>,
    /// Schemas.
    pub schemas: Vec<Ident>,
    /// Tables of every kind, and materialized views.
    pub tables: Map<ObjectName, Table>,
    /// Views, and the queries of materialized views, which are in `tables` too.
    pub views: Map<ObjectName, View>,
    /// Sequences.
    pub sequences: Map<ObjectName, Sequence>,
    /// Types a user made.
    pub types: Map<ObjectName, UserType>,
    /// Functions and procedures a user made, by name; overloads are separate entries.
    pub functions: Map<ObjectName, Vec<Function>>,
    /// ALTER DEFAULT PRIVILEGES gives rights on new tables and views somewhere.
    #[serde(default)]
    pub default_privileges: bool,
    /// What stood at the beginning of the transaction block and at each savepoint in it, while a
    /// replay is inside of one.
    #[serde(skip)]
    pub saved: Vec<Catalog>,
    /// Short ways from names to tables.
    #[serde(skip)]
    pub lookup: Lookup,
}

/// What the type of a column is called when replay could not tell it from a query.
pub const UNKNOWN_TYPE: &str = "unknown";

/// What kind of relation with columns of its own it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// An ordinary table; it may be a partition.
    Table,
    /// A partitioned table: no storage of its own.
    Partitioned,
    /// A foreign table.
    Foreign,
    /// A materialized view.
    MaterializedView,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: ObjectName,
    /// Its kind.
    pub kind: TableKind,
    /// Neither temporary nor unlogged.
    pub permanent: bool,
    /// Its owner, when known.
    pub owner: Option<Ident>,
    /// Its columns in physical order, dropped ones left out.
    pub columns: Vec<Column>,
    /// Its constraints by name; NOT NULL is a property of [`Column`].
    pub constraints: Vec<Constraint>,
    /// Its indexes by name, those behind constraints included.
    pub indexes: Vec<Index>,
    /// Its triggers by name, internal ones left out.
    pub triggers: Vec<Trigger>,
    /// Its policies by name.
    pub policies: Vec<Policy>,
    /// Its rules by name (a view's `_RETURN` left out).
    pub rules: Vec<Ident>,
    /// Extended statistics objects, with the columns they name.
    pub statistics: Vec<(ObjectName, Vec<Ident>)>,
    /// Parents by `INHERITS`, or the partitioned table.
    pub parents: Vec<ObjectName>,
    /// Children by `INHERITS`, or the partitions.
    pub children: Vec<ObjectName>,
    /// `pg_get_partkeydef` of a partitioned table.
    pub partition_key: Option<String>,
    /// Columns of the partition key.
    pub partition_columns: Vec<Ident>,
    /// `FOR VALUES …` or `DEFAULT` of a partition.
    pub partition_bound: Option<String>,
    /// Row level security is enabled.
    pub row_security: bool,
    /// Row level security applies to the owner too.
    pub force_row_security: bool,
    /// Replica identity: `d`, `f`, `n` or `i` as in `pg_class.relreplident`.
    pub replica_identity: char,
    /// Publications that hold it.
    pub publications: Vec<Publication>,
    /// Grants on the table, as `pg_class.relacl` items; `None` means the default.
    pub acl: Option<Vec<String>>,
    /// Its comment.
    pub comment: Option<String>,
    /// Rows and pages, when known.
    pub size: Option<Size>,
}

/// Rows and bytes of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Rows as the server estimates them (`pg_class.reltuples`, or the count that the statistics
    /// collector keeps while there was no ANALYZE yet), never negative.
    pub rows: u64,
    /// Bytes of the heap.
    pub bytes: u64,
    /// True only if a look at the table showed no row.
    pub empty: bool,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its type as `format_type` prints it with an empty search path: what is not in
    /// `pg_catalog` is schema-qualified (`integer`, `character varying(10)`,
    /// `timestamp with time zone`, `text[]`, `public.mood`), so it reads the same anywhere.
    /// [`UNKNOWN_TYPE`] where it comes from a query and replay could not tell.
    pub ty: String,
    /// Its collation where it is not its type's, as SQL.
    pub collation: Option<String>,
    /// NOT NULL.
    pub not_null: bool,
    /// The name of its NOT NULL constraint, and whether it is validated (PostgreSQL 18).
    pub not_null_constraint: Option<(Ident, bool)>,
    /// The comment of that constraint.
    #[serde(default)]
    pub not_null_comment: Option<String>,
    /// Its default as SQL (`pg_get_expr`, or as written when replayed).
    pub default: Option<String>,
    /// Identity.
    pub identity: Option<Identity>,
    /// Generated.
    pub generated: Option<Generated>,
    /// `STORAGE` where it is not its type's (`plain`, `external`, `extended`, `main`).
    pub storage: Option<String>,
    /// `COMPRESSION` where set.
    pub compression: Option<String>,
    /// `SET STATISTICS` where set.
    pub statistics_target: Option<i32>,
    /// `SET (…)` options as `name=value`.
    pub options: Vec<String>,
    /// Column grants, as `pg_attribute.attacl` items; `None` means none.
    pub acl: Option<Vec<String>>,
    /// Its comment.
    pub comment: Option<String>,
    /// Type is a domain that refuses NULL.
    pub not_null_domain: bool,
    /// Type is a domain with any constraint.
    pub constrained_domain: bool,
    /// Inherited from a parent rather than (only) its own.
    pub inherited: bool,
}

/// An identity column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `ALWAYS` rather than `BY DEFAULT`.
    pub always: bool,
}

/// A generated column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// The expression as SQL.
    pub expr: String,
    /// `STORED` rather than `VIRTUAL`.
    pub stored: bool,
    /// The columns it reads.
    pub columns: Vec<Ident>,
}

/// A constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// Its name.
    pub name: Ident,
    /// What it demands.
    pub kind: ConstraintKind,
    /// `pg_get_constraintdef`, or as written when replayed.
    pub definition: String,
    /// Validated: holds for every row.
    pub validated: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// Its comment.
    pub comment: Option<String>,
}

/// What a constraint demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// `CHECK`.
    Check {
        /// The columns it names.
        columns: Vec<Ident>,
        /// The expression inside the parentheses.
        expr: String,
    },
    /// `UNIQUE`.
    Unique {
        /// Key columns.
        columns: Vec<Ident>,
        /// The index behind it.
        index: Ident,
    },
    /// `PRIMARY KEY`.
    PrimaryKey {
        /// Key columns.
        columns: Vec<Ident>,
        /// The index behind it.
        index: Ident,
    },
    /// `FOREIGN KEY`.
    ForeignKey {
        /// Referencing columns.
        columns: Vec<Ident>,
        /// Referenced table.
        references: ObjectName,
        /// Referenced columns.
        referenced_columns: Vec<Ident>,
    },
    /// `EXCLUDE`.
    Exclude {
        /// Columns it names.
        columns: Vec<Ident>,
        /// The index behind it.
        index: Ident,
    },
    /// A constraint trigger, or a kind not known here.
    Other,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its name; it lives in its table's schema.
    pub name: Ident,
    /// `CREATE INDEX` statement (`pg_get_indexdef`, or as written when replayed).
    pub definition: String,
    /// The access method.
    pub method: String,
    /// Key parts in order.
    pub keys: Vec<IndexKey>,
    /// `INCLUDE` columns.
    pub include: Vec<Ident>,
    /// The predicate as SQL.
    pub predicate: Option<String>,
    /// The columns the predicate and the key expressions name.
    pub expression_columns: Vec<Ident>,
    /// `UNIQUE`.
    pub unique: bool,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `indisvalid`.
    pub valid: bool,
    /// The constraint it stands behind, if any.
    pub constraint: Option<Ident>,
    /// The index of the partitioned table that it is a part of.
    pub parent: Option<ObjectName>,
    /// `indisclustered`.
    pub clustered: bool,
    /// `indisreplident`.
    pub replica_identity: bool,
    /// Its comment.
    pub comment: Option<String>,
}

/// One key part of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexKey {
    /// The column, when it is a plain one.
    pub column: Option<Ident>,
    /// The expression, when it is not.
    pub expr: Option<String>,
    /// A B-tree part that does not sort as its column does: `DESC`, `NULLS FIRST`, an operator
    /// class or a collation of its own. No key takes such an index over
    /// (`transformIndexConstraint`, `src/backend/parser/parse_utilcmd.c`).
    #[serde(default)]
    pub own_order: bool,
}

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its name.
    pub name: Ident,
    /// `pg_get_triggerdef`, or as written.
    pub definition: String,
    /// A BEFORE trigger FOR EACH ROW.
    pub before_row: bool,
    /// Fires on INSERT.
    pub on_insert: bool,
    /// Fires on UPDATE.
    pub on_update: bool,
    /// `UPDATE OF` columns.
    pub columns: Vec<Ident>,
    /// Columns its WHEN names, where they can be told.
    pub when_columns: Vec<Ident>,
    /// `tgenabled`: `O`, `D`, `R` or `A`.
    pub enabled: char,
    /// The function's source text, when known.
    pub function_source: Option<String>,
    /// Cloned from the partitioned table's trigger.
    pub cloned: bool,
}

/// A row security policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: Ident,
    /// The columns it names.
    pub columns: Vec<Ident>,
}

/// A publication that holds a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Its name.
    pub name: Ident,
    /// Its column list for this table, when it has one.
    pub columns: Option<Vec<Ident>>,
    /// Columns its row filter names.
    pub filter_columns: Vec<Ident>,
}

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its name.
    pub name: ObjectName,
    /// `OWNED BY`.
    pub owned_by: Option<(ObjectName, Ident)>,
    /// Belongs to an identity column.
    pub identity: bool,
}

/// How far a function's result may vary (`pg_proc.provolatile`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Volatility {
    /// Same result for the same arguments, for ever.
    Immutable,
    /// Same result within one statement.
    Stable,
    /// May differ from call to call; also what is assumed of the unknown.
    Volatile,
}

/// A function a user made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// `pg_get_function_identity_arguments`, or as written.
    pub arguments: String,
    /// Its volatility.
    pub volatility: Volatility,
    /// Its language.
    pub language: String,
    /// Its source text, when known.
    pub source: Option<String>,
}

impl Catalog {
    /// A catalog of an empty database.
    pub fn empty(version: PgVersion) -> Self {
        Self {
            version,
            complete: true,
            live: false,
            search_path: vec![Ident::exact("public")],
            time_zone: None,
            schemas: vec![Ident::exact("public")],
            tables: Map::new(),
            views: Map::new(),
            sequences: Map::new(),
            types: Map::new(),
            functions: Map::new(),
            default_privileges: false,
            saved: Vec::new(),
            lookup: Lookup::default(),
        }
    }

    /// A catalog of which nothing is known.
    pub fn unknown(version: PgVersion) -> Self {
        Self {
            complete: false,
            ..Self::empty(version)
        }
    }

    /// The name an existing relation of any kind (index included) has in full; for a name that
    /// is not found, the first schema of the search path.
    pub fn resolve(&self, name: &QualifiedName) -> ObjectName {
        if let Some(schema) = &name.schema {
            return ObjectName::new(schema.clone(), name.name.clone());
        }
        self.search_path
            .iter()
            .map(|schema| ObjectName::new(schema.clone(), name.name.clone()))
            .find(|name| self.has_relation(name))
            .unwrap_or_else(|| self.in_creation_schema(&name.name))
    }

    /// Where an unqualified name is created: the first schema of the search path.
    pub fn in_creation_schema(&self, name: &Ident) -> ObjectName {
        let schema = self
            .search_path
            .first()
            .cloned()
            .unwrap_or_else(|| Ident::exact("public"));
        ObjectName::new(schema, name.clone())
    }

    /// The name that an object to be made has in full.
    pub fn in_full(&self, name: &QualifiedName) -> ObjectName {
        match &name.schema {
            Some(schema) => ObjectName::new(schema.clone(), name.name.clone()),
            None => self.in_creation_schema(&name.name),
        }
    }

    /// The table of that name, if it is known.
    pub fn table(&self, name: &QualifiedName) -> Option<&Table> {
        self.tables.get(&self.resolve(name))
    }

    /// Whether a relation of any kind has this name.
    pub fn has_relation(&self, name: &ObjectName) -> bool {
        self.tables.contains_key(name)
            || self.views.contains_key(name)
            || self.sequences.contains_key(name)
            || self.index(name).is_some()
    }

    /// The index of that name and its table.
    pub fn index(&self, name: &ObjectName) -> Option<(&Table, &Index)> {
        let table = self.lookup.table_of_index(&self.tables, name)?;
        let table = self.tables.get(&table)?;
        Some((table, table.index(&name.name)?))
    }

    /// Foreign keys of any table that reference `table`: the referencing table and constraint.
    pub fn inbound_foreign_keys(&self, table: &ObjectName) -> Vec<(&Table, &Constraint)> {
        let children = self.lookup.referencing(&self.tables, table);
        children
            .iter()
            .filter_map(|child| self.tables.get(child))
            .flat_map(|child| {
                child
                    .constraints
                    .iter()
                    .map(move |constraint| (child, constraint))
            })
            .filter(|(_, constraint)| {
                matches!(&constraint.kind, ConstraintKind::ForeignKey { references, .. }
                    if references == table)
            })
            .collect()
    }

    /// Views that read `table`, or one column of it when `column` is given.
    pub fn views_reading(&self, table: &ObjectName, column: Option<&Ident>) -> Vec<&View> {
        self.views
            .values()
            .filter(|view| {
                view.reads.iter().any(|(relation, read)| {
                    relation == table
                        && column.is_none_or(|column| read.as_ref().is_none_or(|r| r == column))
                })
            })
            .collect()
    }

    /// The table and everything below it (partitions, children), itself first.
    pub fn family(&self, table: &ObjectName) -> Vec<&Table> {
        let mut found: Vec<&Table> = Vec::new();
        let mut todo = vec![table.clone()];
        while let Some(name) = todo.pop() {
            if let Some(table) = self.tables.get(&name)
                && !found.iter().any(|known| known.name == name)
            {
                todo.extend(table.children.iter().rev().cloned());
                found.push(table);
            }
        }
        found
    }
}

impl Table {
    /// An ordinary permanent table without columns, of which nothing is known from a server.
    pub fn new(name: ObjectName) -> Self {
        Self {
            name,
            kind: TableKind::Table,
            permanent: true,
            owner: None,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            policies: Vec::new(),
            rules: Vec::new(),
            statistics: Vec::new(),
            parents: Vec::new(),
            children: Vec::new(),
            partition_key: None,
            partition_columns: Vec::new(),
            partition_bound: None,
            row_security: false,
            force_row_security: false,
            replica_identity: 'd',
            publications: Vec::new(),
            acl: None,
            comment: None,
            size: None,
        }
    }

    /// The column of that name.
    pub fn column(&self, name: &Ident) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// The constraint of that name.
    pub fn constraint(&self, name: &Ident) -> Option<&Constraint> {
        self.constraints
            .iter()
            .find(|constraint| constraint.name == *name)
    }

    /// The index of that name.
    pub fn index(&self, name: &Ident) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == *name)
    }

    /// The indexes that name a column.
    pub fn indexes_on(&self, column: &Ident) -> impl Iterator<Item = &Index> {
        let indexes = self.indexes.iter();
        indexes.filter(|index| index.names_column(column))
    }

    /// The constraints that name a column, on either side of a foreign key.
    pub fn constraints_on(&self, column: &Ident) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(|constraint| {
            let referenced = match &constraint.kind {
                ConstraintKind::ForeignKey {
                    references,
                    referenced_columns,
                    ..
                } => *references == self.name && referenced_columns.contains(column),
                ConstraintKind::Check { .. }
                | ConstraintKind::Unique { .. }
                | ConstraintKind::PrimaryKey { .. }
                | ConstraintKind::Exclude { .. }
                | ConstraintKind::Other => false,
            };
            referenced || constraint.columns().contains(column)
        })
    }

    /// Its primary key.
    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints
            .iter()
            .find(|constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey { .. }))
    }

    /// Whether rows are stored in it (not a partitioned table, not a foreign one).
    pub fn has_storage(&self) -> bool {
        match self.kind {
            TableKind::Table | TableKind::MaterializedView => true,
            TableKind::Partitioned | TableKind::Foreign => false,
        }
    }
}

impl Column {
    /// A nullable column without anything else. `ty` as in [`Column::ty`].
    pub fn new(name: Ident, ty: impl Into<String>) -> Self {
        Self {
            name,
            ty: ty.into(),
            collation: None,
            not_null: false,
            not_null_constraint: None,
            not_null_comment: None,
            default: None,
            identity: None,
            generated: None,
            storage: None,
            compression: None,
            statistics_target: None,
            options: Vec::new(),
            acl: None,
            comment: None,
            not_null_domain: false,
            constrained_domain: false,
            inherited: false,
        }
    }
}

impl Constraint {
    /// Whether it is enforced at all (PostgreSQL 18 knows NOT ENFORCED).
    pub fn enforced(&self) -> bool {
        !self.definition.trim_end().ends_with("NOT ENFORCED")
    }

    /// The columns of a foreign key, each with the one that it references.
    pub fn referencing(&self) -> Vec<(&Ident, &Ident)> {
        match &self.kind {
            ConstraintKind::ForeignKey {
                columns,
                referenced_columns,
                ..
            } => columns.iter().zip(referenced_columns).collect(),
            ConstraintKind::Check { .. }
            | ConstraintKind::Unique { .. }
            | ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::Exclude { .. }
            | ConstraintKind::Other => Vec::new(),
        }
    }

    /// The columns of its own table that it names.
    pub fn columns(&self) -> &[Ident] {
        match &self.kind {
            ConstraintKind::Check { columns, .. }
            | ConstraintKind::Unique { columns, .. }
            | ConstraintKind::PrimaryKey { columns, .. }
            | ConstraintKind::ForeignKey { columns, .. }
            | ConstraintKind::Exclude { columns, .. } => columns,
            ConstraintKind::Other => &[],
        }
    }
}

impl Index {
    /// Whether it names the column anywhere: key, INCLUDE, expression or predicate.
    pub fn names_column(&self, column: &Ident) -> bool {
        self.keys
            .iter()
            .any(|key| key.column.as_ref() == Some(column))
            || self.include.contains(column)
            || self.expression_columns.contains(column)
    }
}
