//! From text to statements. Never fails: what it does not understand it keeps verbatim, and says so.
//!
//! Nothing outside this module names a `sqlparser` type. Every statement has a non-empty span, and
//! one bad statement never hides the rest of the file.
//! Next: [`crate::catalog`] applies statements to what exists.

pub mod checksum;
pub mod directive;
pub mod expr;
pub mod layout;
pub mod query;
pub mod rows;
pub mod statement;
pub mod types;
pub mod written;

mod cursor;
mod ddl;
mod keywords;
mod split;
mod tokens;

#[cfg(test)]
mod robustness;

use crate::{diagnostic::Diagnostic, source::SourceFile};

pub use checksum::checksum;
pub use ddl::{builds_statements, commands_of_routine, string_constants};
pub use directive::{Directive, DirectiveKind, PhaseName, Strategy};
pub use expr::{ColumnRef, Expr, expr_from_text};
pub use statement::{Statement, StatementKind};
pub use types::{format_type, serial_type, type_from_text};

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

/// Reads a text. What is wrong with it is in the script's diagnostics, in order of place.
pub fn parse(source: SourceFile) -> Script {
    let pieces = split::split(source.text());
    let mut diagnostics = pieces.diagnostics;
    let mut statements = Vec::with_capacity(pieces.statements.len());
    for raw in &pieces.statements {
        let (kind, diagnostic) = ddl::statement(source.text(), raw);
        diagnostics.extend(diagnostic);
        statements.push(Statement {
            span: raw.span(),
            kind,
            directives: Vec::new(),
        });
    }
    let file_directives = directive::attach(
        source.text(),
        &pieces.comments,
        &pieces.statements,
        &mut statements,
        &mut diagnostics,
    );
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
    Script {
        source,
        statements,
        file_directives,
        diagnostics,
    }
}
