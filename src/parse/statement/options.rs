//! Values that several statements share: options in parentheses, and options of sequences.

use super::DataType;
use crate::ident::{Ident, QualifiedName};

/// One entry of `( name [= value], … )`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionValue {
    /// The option, lower case and with its namespace (`toast.autovacuum_enabled`).
    pub name: Ident,
    /// The value as written; `None` in `RESET` and where it is left out.
    pub value: Option<String>,
}

impl OptionValue {
    /// Whether a switch is not switched off: it has no value, or one that means yes.
    pub fn is_on(&self) -> bool {
        !self.value.as_deref().is_some_and(|value| {
            ["false", "off", "no", "0"]
                .iter()
                .any(|off| value.trim_matches('\'').eq_ignore_ascii_case(off))
        })
    }
}

/// One option of a sequence, as `CREATE SEQUENCE`, `ALTER SEQUENCE` and identity columns take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SequenceOption {
    /// `AS type`.
    As(DataType),
    /// `INCREMENT [BY] n`.
    Increment(String),
    /// `START [WITH] n`.
    Start(String),
    /// `RESTART [[WITH] n]`.
    Restart(Option<String>),
    /// `MINVALUE n`, or `NO MINVALUE`.
    MinValue(Option<String>),
    /// `MAXVALUE n`, or `NO MAXVALUE`.
    MaxValue(Option<String>),
    /// `CACHE n`.
    Cache(String),
    /// `CYCLE` (true) or `NO CYCLE` (false).
    Cycle(bool),
    /// `OWNED BY table.column`, or `OWNED BY NONE`.
    OwnedBy(Option<SequenceOwner>),
    /// `SEQUENCE NAME name`, of dumps of identity columns.
    Name(QualifiedName),
    /// `LOGGED` (true) or `UNLOGGED` (false), of dumps of identity columns.
    Logged(bool),
}

/// The column that owns a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceOwner {
    /// Its table.
    pub table: QualifiedName,
    /// The column.
    pub column: Ident,
}

/// `LIKE source [INCLUDING | EXCLUDING …]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Like {
    /// The table copied from.
    pub source: QualifiedName,
    /// Whether each is included, in order; a later one undoes an earlier one.
    pub options: Vec<(bool, LikeOption)>,
}

impl Like {
    /// Whether what the option stands for is copied.
    pub fn includes(&self, option: LikeOption) -> bool {
        self.options.iter().fold(false, |included, (given, which)| {
            if *which == option || *which == LikeOption::All {
                *given
            } else {
                included
            }
        })
    }
}

/// What `LIKE` copies besides columns, types and `NOT NULL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LikeOption {
    /// `COMMENTS`.
    Comments,
    /// `COMPRESSION`.
    Compression,
    /// `CONSTRAINTS`: `CHECK` constraints.
    Constraints,
    /// `DEFAULTS`.
    Defaults,
    /// `GENERATED`: generation expressions.
    Generated,
    /// `IDENTITY`.
    Identity,
    /// `INDEXES`: with primary key, unique and exclusion constraints.
    Indexes,
    /// `STATISTICS`: extended statistics.
    Statistics,
    /// `STORAGE`.
    Storage,
    /// `ALL`.
    All,
}

/// What becomes of a temporary table's rows when a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnCommit {
    /// `ON COMMIT PRESERVE ROWS`.
    PreserveRows,
    /// `ON COMMIT DELETE ROWS`.
    DeleteRows,
    /// `ON COMMIT DROP`.
    Drop,
}
