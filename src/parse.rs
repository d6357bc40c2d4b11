//! From text to statements. Never fails: what it does not understand it keeps verbatim, and says so.
//!
//! Nothing outside this module names a `sqlparser` type. Every statement has a non-empty span, and
//! one bad statement never hides the rest of the file.
//! Next: [`crate::catalog`] applies statements to what exists.

pub mod directive;
pub mod expr;
pub mod statement;

use crate::{diagnostic::Diagnostic, source::SourceFile};

pub use directive::{Directive, DirectiveKind, PhaseName, Strategy};
pub use expr::{ColumnRef, Expr};
pub use statement::{Statement, StatementKind};

/// A parsed source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The text it came from.
    pub source: SourceFile,
    /// Its statements, in order.
    pub statements: Vec<Statement>,
    /// Directives for the whole file (`-- zdm: file …`), in order.
    pub file_directives: Vec<Directive>,
    /// Mistakes found: syntax errors, unknown directives, psql commands, COPY data.
    pub diagnostics: Vec<Diagnostic>,
}
