//! Statements that are known by their words alone.
//!
//! Anything not listed here is unknown.

use crate::{
    catalog::Catalog,
    effects::{Effects, utility},
    parse::statement::Opaque,
};

/// Key words of statements that lock no relation (in the transactional sense), exact or as the
/// beginning of a longer list of words.
const HARMLESS: &[&str] = &[
    "ALTER COLLATION",
    "ALTER CONVERSION",
    "ALTER DATABASE",
    "ALTER DEFAULT PRIVILEGES",
    "ALTER EVENT TRIGGER",
    "ALTER GROUP",
    "ALTER LANGUAGE",
    "ALTER OPERATOR",
    "ALTER ROLE",
    "ALTER SYSTEM",
    "ALTER TEXT SEARCH",
    "ALTER USER",
    "CHECKPOINT",
    "CLOSE",
    "CREATE ACCESS METHOD",
    "CREATE CAST",
    "CREATE COLLATION",
    "CREATE CONVERSION",
    "CREATE DATABASE",
    "CREATE GROUP",
    "CREATE LANGUAGE",
    "CREATE OPERATOR",
    "CREATE ROLE",
    "CREATE TABLESPACE",
    "CREATE TEXT SEARCH",
    "CREATE TRANSFORM",
    "CREATE USER",
    "DEALLOCATE",
    "DISCARD",
    "LISTEN",
    "NOTIFY",
    "RESET",
    "SET",
    "SHOW",
    "UNLISTEN",
];

/// Key words of statements that the server refuses inside a transaction block.
const ALONE: &[&str] = &[
    "ALTER SYSTEM",
    "CREATE DATABASE",
    "CREATE TABLESPACE",
    "DISCARD ALL",
    "DROP DATABASE",
    "DROP TABLESPACE",
];

/// The effects of a statement known by its words, and by its parts where they were read.
pub(super) fn effects(opaque: &Opaque, catalog: &Catalog) -> Effects {
    if let Some(utility) = &opaque.utility {
        return utility::effects(utility, opaque, catalog);
    }
    let words = &opaque.keywords;
    let starts = |prefix: &str| {
        words
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    Effects {
        unknown: !HARMLESS.iter().any(|harmless| starts(harmless)),
        outside_transaction: ALONE.iter().any(|alone| starts(alone)),
        ..Effects::default()
    }
}
