//! Types and domains.

use super::{
    ColumnConstraint, ColumnConstraintKind, ConstraintAttributes, DataType, DropBehavior,
    OptionValue,
};
use crate::{
    ident::{Ident, QualifiedName},
    parse::expr::Expr,
    source::Span,
};

/// `CREATE TYPE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateType {
    /// The type.
    pub name: QualifiedName,
    /// What it is made of.
    pub definition: TypeDefinition,
}

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeDefinition {
    /// `AS ENUM (…)`: its labels, in order.
    Enum(Vec<String>),
    /// `AS (…)`.
    Composite(Vec<Attribute>),
    /// `AS RANGE (…)`.
    Range(Vec<OptionValue>),
    /// `( INPUT = …, … )`.
    Base(Vec<OptionValue>),
    /// Nothing: a shell, to be filled later.
    Shell,
}

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: DataType,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
}

/// `ALTER TYPE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterType {
    /// The type.
    pub name: QualifiedName,
    /// Its subcommands, in order. Never empty; only those on attributes can be several.
    pub actions: Vec<TypeAction>,
}

/// One subcommand of `ALTER TYPE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeAction {
    /// `ADD VALUE [IF NOT EXISTS] 'label' [BEFORE | AFTER 'label']`.
    AddValue {
        /// `IF NOT EXISTS`.
        if_not_exists: bool,
        /// The new label.
        value: String,
        /// Where it goes; at the end when nothing is said.
        place: Option<LabelPlace>,
    },
    /// `RENAME VALUE 'label' TO 'label'`.
    RenameValue {
        /// Old label.
        from: String,
        /// New label.
        to: String,
    },
    /// `ADD ATTRIBUTE name type`.
    AddAttribute {
        /// The new attribute.
        attribute: Attribute,
        /// `CASCADE` or not: to tables of this type.
        behavior: DropBehavior,
    },
    /// `DROP ATTRIBUTE [IF EXISTS] name`.
    DropAttribute {
        /// `IF EXISTS`.
        if_exists: bool,
        /// The attribute.
        name: Ident,
        /// `CASCADE` or not: to tables of this type.
        behavior: DropBehavior,
    },
    /// `ALTER ATTRIBUTE name [SET DATA] TYPE type`.
    AlterAttribute {
        /// The attribute and what it becomes.
        attribute: Attribute,
        /// `CASCADE` or not: to tables of this type.
        behavior: DropBehavior,
    },
    /// `RENAME ATTRIBUTE from TO to`.
    RenameAttribute {
        /// Old name.
        from: Ident,
        /// New name.
        to: Ident,
        /// `CASCADE` or not: to tables of this type.
        behavior: DropBehavior,
    },
    /// `RENAME TO name`.
    RenameTo(Ident),
    /// `SET SCHEMA name`.
    SetSchema(Ident),
    /// `OWNER TO role`.
    OwnerTo(Ident),
    /// `SET ( property = value, … )`, of a base type.
    SetOptions(Vec<OptionValue>),
}

/// Where a label of an enum goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelPlace {
    /// `BEFORE 'label'`.
    Before(String),
    /// `AFTER 'label'`.
    After(String),
}

/// `CREATE DOMAIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateDomain {
    /// The domain.
    pub name: QualifiedName,
    /// The type below it.
    pub base: DataType,
    /// `COLLATE`.
    pub collation: Option<QualifiedName>,
    /// `DEFAULT`, `NOT NULL`, `NULL` and `CHECK`, in order.
    pub constraints: Vec<ColumnConstraint>,
}

/// `ALTER DOMAIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterDomain {
    /// The domain.
    pub name: QualifiedName,
    /// What changes.
    pub action: DomainAction,
}

/// What `ALTER DOMAIN` changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainAction {
    /// `SET DEFAULT expr`.
    SetDefault(Expr),
    /// `DROP DEFAULT`.
    DropDefault,
    /// `SET NOT NULL`.
    SetNotNull,
    /// `DROP NOT NULL`.
    DropNotNull,
    /// `ADD [CONSTRAINT name] CHECK (…) | NOT NULL`.
    AddConstraint(DomainConstraint),
    /// `DROP CONSTRAINT [IF EXISTS] name`.
    DropConstraint {
        /// `IF EXISTS`.
        if_exists: bool,
        /// The constraint.
        name: Ident,
        /// `CASCADE` or not.
        behavior: DropBehavior,
    },
    /// `RENAME CONSTRAINT from TO to`.
    RenameConstraint {
        /// Old name.
        from: Ident,
        /// New name.
        to: Ident,
    },
    /// `VALIDATE CONSTRAINT name`.
    ValidateConstraint(Ident),
    /// `OWNER TO role`.
    OwnerTo(Ident),
    /// `RENAME TO name`.
    RenameTo(Ident),
    /// `SET SCHEMA name`.
    SetSchema(Ident),
}

/// A constraint that is added to a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainConstraint {
    /// The bytes of it, `CONSTRAINT name` included.
    pub span: Span,
    /// `CONSTRAINT name`.
    pub name: Option<Ident>,
    /// `CHECK` or `NOT NULL`.
    pub kind: ColumnConstraintKind,
    /// `NOT VALID`.
    pub attributes: ConstraintAttributes,
}
