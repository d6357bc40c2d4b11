//! Replay: what a catalog becomes when a statement has run.
//!
//! Follows PostgreSQL where zdm's statements have structure, down to the names it makes up.
//! What a statement without structure does is read from its words as far as that is safe; where
//! it is not, [`Catalog::complete`] becomes false rather than anything being guessed. A
//! statement that the server would refuse changes nothing, or as little as can be.
//! Known limits: `SET LOCAL search_path` lasts longer than its transaction, a ROLLBACK undoes
//! nothing, and comments and grants are not followed.
//! Next: [`crate::effects`] says what the statement locks on the way.

mod alter;
mod constraint;
mod create;
mod drop;
mod index;
mod names;
mod opaque;
mod query;
mod rename;
mod text;

use crate::{
    catalog::Catalog,
    ident::{Ident, ObjectName},
    parse::statement::{Set, Statement, StatementKind},
};

/// The name that the server gives a CHECK without one, with the column in it that it names, when
/// that is a single one.
pub fn free_check_name(catalog: &Catalog, table: &ObjectName, column: Option<&str>) -> Ident {
    names::constraint(catalog, table, column, "check")
}

/// Replays one statement of the text `source`.
pub fn apply(catalog: &mut Catalog, statement: &Statement, source: &str) {
    match &statement.kind {
        StatementKind::AlterRelation(alter) => alter::relation(catalog, alter, source),
        StatementKind::CreateTable(create) => create::table(catalog, create, source),
        StatementKind::CreateIndex(create) => index::create(catalog, create, source),
        StatementKind::Drop(drop) => drop::apply(catalog, drop),
        StatementKind::Set(set) => setting(catalog, set),
        StatementKind::Opaque(opaque) => {
            opaque::apply(catalog, opaque, statement.span.of(source));
        }
        StatementKind::Update(_) | StatementKind::Data(_) | StatementKind::Transaction(_) => {}
    }
}

/// Every name in a statement's text, quoted or not, as the catalog would store it; key words too.
pub(crate) fn names_in(text: &str) -> impl Iterator<Item = Ident> + '_ {
    text::names(text)
}

fn setting(catalog: &mut Catalog, set: &Set) {
    match set.name.as_str() {
        "search_path" => {
            catalog.search_path = match &set.value {
                None => vec![Ident::exact("public")],
                Some(value) => value
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .map(unquoted)
                    .filter(|schema| {
                        !matches!(schema.as_str(), "" | "$user")
                            && *schema != Ident::exact("default")
                    })
                    .collect(),
            };
        }
        "timezone" | "time zone" => {
            catalog.time_zone = set
                .value
                .as_deref()
                .map(|value| value.trim().trim_matches('\'').to_owned());
        }
        _ => {}
    }
}

/// One element of a search path: a name, quoted as an identifier or as a string.
fn unquoted(part: &str) -> Ident {
    if let Some(inner) = part.strip_prefix('"').and_then(|p| p.strip_suffix('"')) {
        return Ident::exact(inner.replace("\"\"", "\""));
    }
    match part.strip_prefix('\'').and_then(|p| p.strip_suffix('\'')) {
        Some(inner) => Ident::exact(inner.trim_matches('"')),
        None => Ident::folded(part),
    }
}
