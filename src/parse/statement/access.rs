//! Grants, comments and labels: what is said about objects that exist.

use super::{Argument, DropBehavior};
use crate::ident::{Ident, QualifiedName};

/// A kind of object that `COMMENT`, `GRANT` and their like can name, by its words in upper case
/// (`TABLE`, `MATERIALIZED VIEW`, `FOREIGN DATA WRAPPER`). There are some fifty and statements
/// only pass them on; the ones that matter have predicates.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKind(String);

impl ObjectKind {
    /// From its words in upper case.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// Its words in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether objects of this kind are relations.
    pub fn is_relation(&self) -> bool {
        matches!(
            self.as_str(),
            "TABLE" | "INDEX" | "VIEW" | "MATERIALIZED VIEW" | "SEQUENCE" | "FOREIGN TABLE"
        )
    }

    /// Whether such an object hangs on another one (`TRIGGER name ON table`).
    pub fn is_attached(&self) -> bool {
        matches!(self.as_str(), "CONSTRAINT" | "TRIGGER" | "POLICY" | "RULE")
    }
}

/// An object as `COMMENT ON`, `SECURITY LABEL ON` and `ALTER EXTENSION … ADD` name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectReference {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name; for a column, its relation. Absent where none can be given (`CAST (a AS b)`,
    /// an operator, a large object).
    pub name: Option<QualifiedName>,
    /// The column, for a column.
    pub column: Option<Ident>,
    /// What it hangs on, for a constraint, trigger, policy or rule.
    pub on: Option<QualifiedName>,
    /// Its arguments, for a routine when they are written.
    pub arguments: Option<Vec<Argument>>,
}

/// `COMMENT ON object IS 'text' | NULL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The object.
    pub object: ObjectReference,
    /// The text; `None` for `NULL`.
    pub text: Option<String>,
}

/// `SECURITY LABEL [FOR provider] ON object IS 'label' | NULL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityLabel {
    /// `FOR provider`.
    pub provider: Option<Ident>,
    /// The object.
    pub object: ObjectReference,
    /// The label; `None` for `NULL`.
    pub label: Option<String>,
}

/// `GRANT` or `REVOKE` of privileges on objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// `REVOKE` rather than `GRANT`.
    pub revoke: bool,
    /// The privileges; empty for `ALL [PRIVILEGES]` without columns.
    pub privileges: Vec<Privilege>,
    /// On what.
    pub on: GrantObjects,
    /// `TO` or `FROM` whom; `public` stands for everybody.
    pub grantees: Vec<Ident>,
    /// `WITH GRANT OPTION` or `GRANT OPTION FOR`.
    pub grant_option: bool,
    /// `CASCADE` or not, of a `REVOKE`.
    pub behavior: DropBehavior,
}

/// One privilege.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Privilege {
    /// Its name, lower case (`select`, `alter system`); `None` for `ALL (columns)`.
    pub name: Option<Ident>,
    /// The columns; empty means the whole object.
    pub columns: Vec<Ident>,
}

/// What privileges are granted on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantObjects {
    /// Objects by name.
    Named {
        /// What they are; `TABLE` when nothing is said.
        kind: ObjectKind,
        /// Their names.
        names: Vec<QualifiedName>,
    },
    /// `ALL TABLES | SEQUENCES | FUNCTIONS | … IN SCHEMA name, …`.
    AllInSchema {
        /// What they are, in the singular (`TABLE`).
        kind: ObjectKind,
        /// The schemas.
        schemas: Vec<Ident>,
    },
    /// `TABLES`, `SEQUENCES`, `FUNCTIONS`, … of `ALTER DEFAULT PRIVILEGES`, in the singular.
    Future(ObjectKind),
}

/// `GRANT` or `REVOKE` of membership in roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRole {
    /// `REVOKE` rather than `GRANT`.
    pub revoke: bool,
    /// The roles.
    pub roles: Vec<Ident>,
    /// `TO` or `FROM` whom.
    pub grantees: Vec<Ident>,
    /// `CASCADE` or not, of a `REVOKE`.
    pub behavior: DropBehavior,
}

/// `ALTER DEFAULT PRIVILEGES`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultPrivileges {
    /// `FOR ROLE name, …`.
    pub roles: Vec<Ident>,
    /// `IN SCHEMA name, …`.
    pub schemas: Vec<Ident>,
    /// What is granted or revoked.
    pub grant: Grant,
}
