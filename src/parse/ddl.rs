//! One statement's tokens to a [`StatementKind`]: which family it belongs to, and what happens
//! when the family's grammar does not fit.
//!
//! A statement whose first words are known but whose rest is not understood becomes a `syntax`
//! diagnostic **and** an opaque statement: it is never dropped and never assumed safe.
//! Each family has a file of its own; to add one, add the file and a line in [`read`].

mod alter;
mod alter_column;
mod block;
mod clause;
mod column;
mod constraint;
mod control;
mod create_index;
mod create_table;
mod data;
mod drop;
mod literal;
mod opaque;
mod relations;
mod sequence;
mod utility;

#[cfg(test)]
mod summary;

use super::{
    cursor::{Cursor, Parsed},
    split::RawStatement,
    statement::StatementKind,
    tokens::TokenKind,
};
use crate::diagnostic::{Diagnostic, Level};

/// The relations that a statement on rows reads, those it changes left out.
pub(super) fn relations_read(source: &str) -> Vec<crate::ident::QualifiedName> {
    relations::relations(source, &super::tokens::tokens(source)).reads
}

pub use block::commands_of_routine;
pub(super) use data::set_list;
pub use literal::{is_dynamic as builds_statements, string_constants};

/// What a statement says, and what is wrong with it.
pub(super) fn statement(source: &str, raw: &RawStatement) -> (StatementKind, Option<Diagnostic>) {
    let mut cursor = Cursor::new(source, &raw.tokens);
    // A literal without its end is reported where it starts; no grammar can be sure behind it.
    let broken = raw
        .tokens
        .iter()
        .any(|token| matches!(token.kind, TokenKind::Unterminated | TokenKind::Unknown));
    if broken {
        return (
            StatementKind::Opaque(opaque::opaque(source, &raw.tokens)),
            None,
        );
    }
    match read(&mut cursor) {
        Ok(kind) => (kind, None),
        Err(error) => {
            let diagnostic = Diagnostic::new("syntax", Level::Error, error.span, error.message)
                .with_help(opaque::help(source, &raw.tokens));
            let opaque = opaque::opaque(source, &raw.tokens);
            (StatementKind::Opaque(opaque), Some(diagnostic))
        }
    }
}

fn read(cursor: &mut Cursor<'_>) -> Parsed<StatementKind> {
    if let Some(kind) = alter::relation_kind(cursor) {
        return alter::alter(cursor, kind);
    }
    if create_table::is_create_table(cursor) {
        return create_table::create_table(cursor);
    }
    if create_index::is_create_index(cursor) {
        return create_index::create_index(cursor);
    }
    if cursor.is_kw("drop") && !cursor.is_kw_at(1, "owned") {
        return drop::drop(cursor);
    }
    if let Some(kind) = control::control(cursor)? {
        return Ok(kind);
    }
    if let Some(kind) = data::data(cursor)? {
        return Ok(kind);
    }
    if let Some(kind) = utility::utility(cursor)? {
        return Ok(kind);
    }
    opaque::known(cursor)
}
