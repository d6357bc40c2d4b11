//! Expressions: kept as source text, with the names in them found by token.
//!
//! zdm never prints an expression back from a tree. What it needs to know of one — which columns
//! and functions it names, whether it holds a query — is found in its tokens, and renaming a
//! column replaces exactly the tokens that name it (pitfall 9).

mod build;
mod label;
mod scan;

pub use build::expr_from_text;
pub(crate) use build::{expr_from_span, expr_from_tokens};
pub use label::{Label, label, output_columns};

use crate::{
    ident::{Ident, QualifiedName},
    source::Span,
};

/// An expression as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expr {
    /// Its bytes in the source.
    pub span: Span,
    /// The text of those bytes; in a directive that goes on over several lines, with the signs of
    /// the comments replaced by as many spaces.
    pub text: String,
    /// Names in column position, in order of appearance; spans are relative to `text`.
    pub columns: Vec<ColumnRef>,
    /// Function calls, and the key words that act as such (`current_timestamp`), in order.
    pub functions: Vec<QualifiedName>,
    /// Type names in casts, in order, as written.
    pub casts: Vec<String>,
    /// Whether it holds a query (`SELECT`, `EXISTS`, …).
    pub has_query: bool,
    /// Whether the expression grammar accepted it; if not it counts as volatile and unknown.
    pub understood: bool,
}

/// A name in column position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnRef {
    /// The bytes of the whole reference, relative to the expression's text.
    pub span: Span,
    /// What stood before the column (`t` in `t.a`), if anything.
    pub qualifier: Option<Ident>,
    /// The column.
    pub name: Ident,
}

impl Expr {
    /// The expression with each column reference replaced by what `replace` says; those for
    /// which it says `None` stay. Literals, functions, types and comments are never touched.
    pub fn rewrite(&self, mut replace: impl FnMut(&ColumnRef) -> Option<String>) -> String {
        let mut out = String::with_capacity(self.text.len() + 16);
        let mut at = 0;
        for column in &self.columns {
            let Some(replacement) = replace(column) else {
                continue;
            };
            out.push_str(&self.text[at..column.span.start]);
            out.push_str(&replacement);
            at = column.span.end;
        }
        out.push_str(&self.text[at..]);
        out
    }

    /// Whether it names the column, qualified or not.
    pub fn names_column(&self, column: &Ident) -> bool {
        self.columns
            .iter()
            .any(|reference| reference.name == *column)
    }

    /// Whether it is the key word `NULL` and nothing else.
    pub fn is_null(&self) -> bool {
        self.text.trim().eq_ignore_ascii_case("null")
    }
}
