//! Directives: SQL comments that tell zdm what plain SQL cannot (INTERFACES §5).

use crate::{ident::Ident, parse::expr::Expr, source::Span};

/// One directive, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The bytes of the comment, continuations included.
    pub span: Span,
    /// What it says.
    pub kind: DirectiveKind,
}

/// What a directive says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectiveKind {
    /// `up[(column)] expr`: the new value from the old row.
    Up {
        /// The column it fills; `None` when only one changes.
        column: Option<Ident>,
        /// The value; names mean the old row's columns.
        expr: Expr,
    },
    /// `down[(column)] expr`: the old value from the new row.
    Down {
        /// The column it fills; `None` when only one changes.
        column: Option<Ident>,
        /// The value; names mean the new row's columns.
        expr: Expr,
    },
    /// `phase expand | migrate | contract`.
    Phase(PhaseName),
    /// `strategy trigger | view | shadow`.
    Strategy(Strategy),
    /// `once using key`.
    Once {
        /// The key column.
        key: Ident,
    },
    /// `sync a.x -> b.y using key`, kept raw.
    Sync(String),
    /// `allow(rule) because …`.
    Allow {
        /// The rule.
        rule: String,
        /// The reason, never empty.
        because: String,
    },
}

/// The three phases by name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PhaseName {
    /// Additive and short.
    Expand,
    /// Long, under weak locks.
    Migrate,
    /// Breaking, under short strong locks.
    Contract,
}

impl PhaseName {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Expand, Self::Migrate, Self::Contract];

    /// The word used everywhere.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expand => "expand",
            Self::Migrate => "migrate",
            Self::Contract => "contract",
        }
    }
}

/// How a column changes its shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// A second column kept in step by triggers (the default).
    Trigger,
    /// A rename and an updatable view with both names.
    View,
    /// A second table kept in step by triggers.
    Shadow,
}
