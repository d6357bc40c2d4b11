//! Types that a user made: what the catalog holds of them.

use serde::{Deserialize, Serialize};

use crate::ident::{Ident, ObjectName};

/// A type a user made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserType {
    /// Its name.
    pub name: ObjectName,
    /// What it is.
    pub kind: UserTypeKind,
}

/// What a user's type is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserTypeKind {
    /// `CREATE TYPE … AS ENUM`.
    Enum {
        /// Its labels in order.
        labels: Vec<String>,
    },
    /// `CREATE DOMAIN`.
    Domain {
        /// Its base type.
        base: String,
        /// Refuses NULL.
        not_null: bool,
        /// Its CHECKs, by name.
        checks: Vec<DomainCheck>,
        /// Its default as SQL.
        default: Option<String>,
    },
    /// `CREATE TYPE … AS (…)`.
    Composite,
    /// A range, a base type, a shell.
    Other,
}

/// A CHECK of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainCheck {
    /// Its name.
    pub name: Ident,
    /// The condition on `VALUE`, as SQL.
    pub expr: String,
    /// Validated: holds for every value there is.
    pub validated: bool,
}
