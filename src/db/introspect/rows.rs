//! The rows of the queries in `sql/`, and what each becomes in the catalog.
//!
//! Field names are column names. One-letter codes are those of the system catalogs (manual,
//! chapter 53).

use serde::Deserialize;

use crate::{
    catalog::{
        self, ConstraintKind, Generated, Identity, IndexKey, Size, TableKind, UserTypeKind,
        Volatility,
    },
    ident::{Ident, ObjectName},
};

#[derive(Deserialize)]
pub(super) struct Schema {
    pub(super) name: Ident,
}

#[derive(Deserialize)]
pub(super) struct Table {
    pub(super) relid: i64,
    schema: Ident,
    name: Ident,
    kind: char,
    permanent: bool,
    owner: Ident,
    partition_key: Option<String>,
    partition_columns: Vec<Ident>,
    partition_bound: Option<String>,
    row_security: bool,
    force_row_security: bool,
    replica_identity: char,
    acl: Option<Vec<String>>,
    comment: Option<String>,
    rows: i64,
    bytes: Option<i64>,
    query: Option<String>,
    rules: Vec<Ident>,
}

impl Table {
    pub(super) fn into_table(self) -> catalog::Table {
        let kind = match self.kind {
            'p' => TableKind::Partitioned,
            'f' => TableKind::Foreign,
            'm' => TableKind::MaterializedView,
            _ => TableKind::Table,
        };
        catalog::Table {
            name: ObjectName::new(self.schema, self.name),
            kind,
            permanent: self.permanent,
            owner: Some(self.owner),
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            policies: Vec::new(),
            rules: self.rules,
            statistics: Vec::new(),
            parents: Vec::new(),
            children: Vec::new(),
            partition_key: self.partition_key,
            partition_columns: self.partition_columns,
            partition_bound: self.partition_bound,
            row_security: self.row_security,
            force_row_security: self.force_row_security,
            replica_identity: self.replica_identity,
            publications: Vec::new(),
            acl: self.acl,
            comment: self.comment,
            // A heap without a single page holds no row; with pages it may still hold none.
            size: self.bytes.map(|bytes| Size {
                rows: u64::try_from(self.rows).unwrap_or_default(),
                bytes: u64::try_from(bytes).unwrap_or_default(),
                empty: bytes == 0,
            }),
        }
    }

    pub(super) fn materialized_view(&self) -> Option<catalog::View> {
        Some(catalog::View {
            owner: Some(self.owner.clone()),
            materialized: true,
            ..catalog::View::new(
                ObjectName::new(self.schema.clone(), self.name.clone()),
                self.query.clone()?,
            )
        })
    }
}

#[derive(Deserialize)]
pub(super) struct Column {
    pub(super) relid: i64,
    name: Ident,
    ty: String,
    collation_schema: Option<Ident>,
    collation_name: Option<Ident>,
    not_null: bool,
    not_null_name: Option<Ident>,
    not_null_validated: Option<bool>,
    not_null_comment: Option<String>,
    default: Option<String>,
    identity: String,
    generated: String,
    expression: Option<String>,
    reads: Vec<Ident>,
    storage: Option<char>,
    compression: Option<char>,
    statistics_target: Option<i32>,
    options: Vec<String>,
    acl: Option<Vec<String>>,
    comment: Option<String>,
    not_null_domain: bool,
    constrained_domain: bool,
    inherited: bool,
}

impl Column {
    pub(super) fn into_column(self) -> catalog::Column {
        let collation = match (self.collation_schema, self.collation_name) {
            (Some(schema), Some(name)) if schema.as_str() == "pg_catalog" => Some(name.quoted()),
            (Some(schema), Some(name)) => Some(ObjectName::new(schema, name).to_string()),
            _ => None,
        };
        let generated = self.expression.map(|expr| Generated {
            expr,
            stored: self.generated == "s",
            columns: self.reads,
        });
        catalog::Column {
            name: self.name,
            ty: self.ty,
            collation,
            not_null: self.not_null,
            not_null_constraint: self.not_null_name.zip(self.not_null_validated),
            not_null_comment: self.not_null_comment,
            default: self.default,
            identity: match self.identity.as_str() {
                "a" => Some(Identity { always: true }),
                "d" => Some(Identity { always: false }),
                _ => None,
            },
            generated,
            storage: self.storage.map(|code| {
                match code {
                    'p' => "plain",
                    'e' => "external",
                    'm' => "main",
                    _ => "extended",
                }
                .to_owned()
            }),
            compression: self.compression.map(|code| {
                match code {
                    'l' => "lz4",
                    _ => "pglz",
                }
                .to_owned()
            }),
            statistics_target: self.statistics_target,
            options: self.options,
            acl: self.acl,
            comment: self.comment,
            not_null_domain: self.not_null_domain,
            constrained_domain: self.constrained_domain,
            inherited: self.inherited,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Constraint {
    pub(super) relid: i64,
    name: Ident,
    kind: char,
    definition: String,
    validated: bool,
    deferrable: bool,
    deferred: bool,
    no_inherit: bool,
    comment: Option<String>,
    columns: Vec<Ident>,
    expression: Option<String>,
    index: Option<Ident>,
    references_schema: Option<Ident>,
    references_table: Option<Ident>,
    referenced_columns: Vec<Ident>,
}

impl Constraint {
    pub(super) fn into_constraint(self) -> catalog::Constraint {
        let index = self.index.unwrap_or_else(|| self.name.clone());
        let references = self
            .references_schema
            .zip(self.references_table)
            .map(|(schema, name)| ObjectName::new(schema, name));
        let kind = match (self.kind, references) {
            ('c', _) => ConstraintKind::Check {
                columns: self.columns,
                expr: self.expression.unwrap_or_default(),
            },
            ('u', _) => ConstraintKind::Unique {
                columns: self.columns,
                index,
            },
            ('p', _) => ConstraintKind::PrimaryKey {
                columns: self.columns,
                index,
            },
            ('x', _) => ConstraintKind::Exclude {
                columns: self.columns,
                index,
            },
            ('f', Some(references)) => ConstraintKind::ForeignKey {
                columns: self.columns,
                references,
                referenced_columns: self.referenced_columns,
            },
            _ => ConstraintKind::Other,
        };
        catalog::Constraint {
            name: self.name,
            kind,
            definition: self.definition,
            validated: self.validated,
            deferrable: self.deferrable,
            deferred: self.deferred,
            no_inherit: self.no_inherit,
            comment: self.comment,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Index {
    pub(super) relid: i64,
    name: Ident,
    definition: String,
    method: String,
    key_columns: Vec<Option<Ident>>,
    key_expressions: Vec<Option<String>>,
    key_own_order: Vec<bool>,
    include: Vec<Ident>,
    predicate: Option<String>,
    expression_columns: Vec<Ident>,
    unique: bool,
    nulls_not_distinct: bool,
    valid: bool,
    constraint: Option<Ident>,
    clustered: bool,
    replica_identity: bool,
    comment: Option<String>,
    parent_schema: Option<Ident>,
    parent_name: Option<Ident>,
}

impl Index {
    pub(super) fn into_index(self) -> catalog::Index {
        catalog::Index {
            name: self.name,
            definition: self.definition,
            method: self.method,
            keys: self
                .key_columns
                .into_iter()
                .zip(self.key_expressions)
                .zip(self.key_own_order)
                .map(|((column, expr), own_order)| IndexKey {
                    column,
                    expr,
                    own_order,
                })
                .collect(),
            include: self.include,
            predicate: self.predicate,
            expression_columns: self.expression_columns,
            unique: self.unique,
            nulls_not_distinct: self.nulls_not_distinct,
            valid: self.valid,
            constraint: self.constraint,
            parent: self
                .parent_schema
                .zip(self.parent_name)
                .map(|(schema, name)| ObjectName::new(schema, name)),
            clustered: self.clustered,
            replica_identity: self.replica_identity,
            comment: self.comment,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Trigger {
    pub(super) relid: i64,
    name: Ident,
    definition: String,
    before_row: bool,
    on_insert: bool,
    on_update: bool,
    columns: Vec<Ident>,
    when_columns: Vec<Ident>,
    enabled: char,
    function_source: Option<String>,
    cloned: bool,
}

impl Trigger {
    pub(super) fn into_trigger(self) -> catalog::Trigger {
        catalog::Trigger {
            name: self.name,
            definition: self.definition,
            before_row: self.before_row,
            on_insert: self.on_insert,
            on_update: self.on_update,
            columns: self.columns,
            when_columns: self.when_columns,
            enabled: self.enabled,
            function_source: self.function_source,
            cloned: self.cloned,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Policy {
    pub(super) relid: i64,
    name: Ident,
    columns: Vec<Ident>,
}

impl Policy {
    pub(super) fn into_policy(self) -> catalog::Policy {
        catalog::Policy {
            name: self.name,
            columns: self.columns,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Statistics {
    pub(super) relid: i64,
    pub(super) schema: Ident,
    pub(super) name: Ident,
    pub(super) columns: Vec<Ident>,
}

#[derive(Deserialize)]
pub(super) struct Publication {
    pub(super) relid: i64,
    name: Ident,
    columns: Option<Vec<Ident>>,
    filter_columns: Vec<Ident>,
}

impl Publication {
    pub(super) fn into_publication(self) -> catalog::Publication {
        catalog::Publication {
            name: self.name,
            columns: self.columns,
            filter_columns: self.filter_columns,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Inheritance {
    pub(super) child: i64,
    pub(super) parent: i64,
}

#[derive(Deserialize)]
pub(super) struct View {
    pub(super) relid: i64,
    schema: Ident,
    name: Ident,
    definition: String,
    options: Vec<String>,
    owner: Ident,
    acl: Option<Vec<String>>,
    comment: Option<String>,
}

impl View {
    pub(super) fn into_view(self) -> catalog::View {
        catalog::View {
            options: self.options,
            owner: Some(self.owner),
            acl: self.acl,
            comment: self.comment,
            ..catalog::View::new(ObjectName::new(self.schema, self.name), self.definition)
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ViewColumn {
    pub(super) relid: i64,
    name: Ident,
    ty: String,
    default: Option<String>,
    acl: Option<Vec<String>>,
    comment: Option<String>,
}

impl ViewColumn {
    pub(super) fn into_column(self) -> catalog::ViewColumn {
        catalog::ViewColumn {
            name: self.name,
            ty: self.ty,
            default: self.default,
            acl: self.acl,
            comment: self.comment,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ViewHook {
    pub(super) relid: i64,
    name: Ident,
    trigger: bool,
    definition: String,
    comment: Option<String>,
}

impl ViewHook {
    pub(super) fn into_hook(self) -> catalog::ViewHook {
        catalog::ViewHook {
            name: self.name,
            trigger: self.trigger,
            definition: self.definition,
            comment: self.comment,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct ViewRead {
    pub(super) relid: i64,
    pub(super) schema: Ident,
    pub(super) name: Ident,
    pub(super) column: Option<Ident>,
}

#[derive(Deserialize)]
pub(super) struct Sequence {
    schema: Ident,
    name: Ident,
    table_schema: Option<Ident>,
    table_name: Option<Ident>,
    column: Option<Ident>,
    identity: bool,
}

impl Sequence {
    pub(super) fn into_sequence(self) -> catalog::Sequence {
        catalog::Sequence {
            name: ObjectName::new(self.schema, self.name),
            owned_by: self
                .table_schema
                .zip(self.table_name)
                .map(|(schema, name)| ObjectName::new(schema, name))
                .zip(self.column),
            identity: self.identity,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Type {
    schema: Ident,
    name: Ident,
    kind: char,
    labels: Vec<String>,
    base: Option<String>,
    not_null: bool,
    checks: Vec<catalog::DomainCheck>,
    default: Option<String>,
}

impl Type {
    pub(super) fn into_type(self) -> catalog::UserType {
        catalog::UserType {
            name: ObjectName::new(self.schema, self.name),
            kind: match (self.kind, self.base) {
                ('e', _) => UserTypeKind::Enum {
                    labels: self.labels,
                },
                ('d', Some(base)) => UserTypeKind::Domain {
                    base,
                    not_null: self.not_null,
                    checks: self.checks,
                    default: self.default,
                },
                ('c', _) => UserTypeKind::Composite,
                _ => UserTypeKind::Other,
            },
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Function {
    schema: Ident,
    name: Ident,
    arguments: String,
    volatility: char,
    language: String,
    source: Option<String>,
}

impl Function {
    pub(super) fn into_function(self) -> (ObjectName, catalog::Function) {
        let function = catalog::Function {
            arguments: self.arguments,
            volatility: match self.volatility {
                'i' => Volatility::Immutable,
                's' => Volatility::Stable,
                _ => Volatility::Volatile,
            },
            language: self.language,
            source: self.source,
        };
        (ObjectName::new(self.schema, self.name), function)
    }
}
