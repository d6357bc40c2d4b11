//! The normal form of a statement: what zdm's parser and PostgreSQL's own must agree on.
//!
//! Both sides compute it from their own trees; this file is the only thing they share. A part
//! that is empty is left out of a golden line.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// One statement.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Form {
    /// Which statement it is (`ALTER TABLE`, `CREATE VIEW`); `other` for those that zdm keeps as
    /// words and names.
    pub(crate) kind: String,
    /// The objects it is about, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) objects: Vec<String>,
    /// Its subcommands, table constraints and other parts, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) subs: Vec<String>,
    /// Its columns, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) columns: Vec<String>,
    /// What is said by words that are there or not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) flags: BTreeSet<String>,
    /// The relations its queries read. zdm may find more, never fewer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) reads: BTreeSet<String>,
}

/// One line of a golden file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// The file the statement is in.
    pub(crate) file: String,
    /// Its first byte.
    pub(crate) start: usize,
    /// The byte behind its last.
    pub(crate) end: usize,
    /// What it says.
    #[serde(flatten)]
    pub(crate) form: Form,
}

impl Form {
    /// A statement of a kind about some objects.
    pub(crate) fn new(kind: impl Into<String>, objects: impl IntoIterator<Item = String>) -> Self {
        Self {
            kind: kind.into(),
            objects: objects.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds a flag when it is set.
    pub(crate) fn flag(&mut self, set: bool, flag: impl Into<String>) {
        if set {
            self.flags.insert(flag.into());
        }
    }

    /// Adds a subcommand.
    pub(crate) fn sub(&mut self, sub: impl Into<String>) {
        self.subs.push(sub.into());
    }
}

/// A word when it is set, with a space in front.
pub(crate) fn word(set: bool, word: &str) -> String {
    if set {
        format!(" {word}")
    } else {
        String::new()
    }
}

/// The attributes of a constraint, in one fixed order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attributes {
    /// It can be checked later; `INITIALLY DEFERRED` implies it.
    pub(crate) deferrable: bool,
    /// It is checked later.
    pub(crate) deferred: bool,
    /// Existing rows are not checked; `NOT ENFORCED` implies it for constraints of tables.
    pub(crate) not_valid: bool,
    /// It is not checked at all.
    pub(crate) not_enforced: bool,
    /// Children do not get it.
    pub(crate) no_inherit: bool,
}

impl Attributes {
    /// Those that are set, each with a space in front.
    pub(crate) fn words(self) -> String {
        [
            word(self.deferrable, "deferrable"),
            word(self.deferred, "deferred"),
            word(self.not_valid, "not valid"),
            word(self.not_enforced, "not enforced"),
            word(self.no_inherit, "no inherit"),
        ]
        .concat()
    }
}
