//! Replay: what a catalog becomes when a statement has run.
//!
//! Follows PostgreSQL where zdm's statements have structure, down to the names it makes up.
//! What a statement without structure does is read from its words as far as that is safe; where
//! it is not, [`Catalog::complete`] becomes false rather than anything being guessed. A
//! statement that the server would refuse changes nothing, or as little as can be.
//! Known limits: `SET LOCAL search_path` lasts longer than its transaction; comments and grants are
//! followed on relations and what hangs on them, and only there.
//! Next: [`crate::effects`] says what the statement locks on the way.

mod access;
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
mod user_type;

use crate::{
    catalog::{Catalog, ConstraintKind, Table},
    ident::{Ident, ObjectName},
    parse::{
        statement::{DataKind, Set, Statement, StatementKind, Transaction, Utility},
        string_constants,
    },
};

/// The name that the server gives a CHECK without one, with the column in it that it names, when
/// that is a single one.
pub fn free_check_name(catalog: &Catalog, table: &ObjectName, column: Option<&str>) -> Ident {
    names::constraint(catalog, table, column, "check")
}

/// Replays one statement of the text `source`.
pub fn apply(catalog: &mut Catalog, statement: &Statement, source: &str) {
    match &statement.kind {
        StatementKind::AlterRelation(alter) => alter::relation(catalog, alter),
        StatementKind::CreateTable(create) => create::table(catalog, create, source),
        StatementKind::CreateIndex(create) => index::create(catalog, create, source),
        StatementKind::Drop(drop) => drop::apply(catalog, drop),
        StatementKind::Set(set) => setting(catalog, set),
        StatementKind::Opaque(opaque) => match opaque.utility.as_deref() {
            Some(Utility::SelectInto(into)) => {
                create::select_into(catalog, into, statement.span, source);
            }
            Some(_) | None => opaque::apply(catalog, opaque, statement.span.of(source)),
        },
        StatementKind::Transaction(transaction) => self::transaction(catalog, *transaction),
        StatementKind::Data(data) if data.kind == DataKind::Select && data.reads.is_empty() => {
            set_config(catalog, statement.span.of(source));
        }
        StatementKind::Update(_) | StatementKind::Data(_) => {}
    }
}

/// `SELECT set_config('search_path', 'value', …)`, as dumps have it.
fn set_config(catalog: &mut Catalog, text: &str) {
    let mut words = text::words(text);
    let called = words.next().as_deref() == Some("select")
        && words
            .find(|word| word != "pg_catalog")
            .is_some_and(|word| word == "set_config");
    if !called {
        return;
    }
    let constants: Vec<String> = string_constants(text).collect();
    if let [name, value, ..] = constants.as_slice()
        && name.eq_ignore_ascii_case("search_path")
    {
        let set = Set {
            local: false,
            name: "search_path".to_owned(),
            value: Some(value.clone()),
        };
        setting(catalog, &set);
    }
}

/// Every name in a statement's text, quoted or not, as the catalog would store it; key words too.
pub(crate) fn names_in(text: &str) -> impl Iterator<Item = Ident> + '_ {
    text::names(text)
}

/// What a ROLLBACK goes back to. Names of savepoints are not told apart: with several of them,
/// which one is meant is not known.
fn transaction(catalog: &mut Catalog, transaction: Transaction) {
    match transaction {
        Transaction::Begin => {
            if catalog.saved.is_empty() {
                let now = catalog.clone();
                catalog.saved.push(now);
            }
        }
        Transaction::Savepoint => {
            let mut now = catalog.clone();
            now.saved.clear();
            catalog.saved.push(now);
        }
        Transaction::Commit => catalog.saved.clear(),
        Transaction::Rollback => {
            if !catalog.saved.is_empty() {
                *catalog = catalog.saved.swap_remove(0);
            }
        }
        Transaction::Release => {
            if catalog.saved.len() > 1 {
                catalog.saved.pop();
            }
        }
        Transaction::RollbackTo => {
            if catalog.saved.len() == 2 {
                let saved = std::mem::take(&mut catalog.saved);
                *catalog = saved[1].clone();
                catalog.saved = saved;
            } else {
                catalog.complete = false;
            }
        }
    }
}

/// Whether a foreign key of the table references that other one.
fn references(table: &Table, other: &ObjectName) -> bool {
    table.constraints.iter().any(|constraint| {
        matches!(&constraint.kind, ConstraintKind::ForeignKey { references, .. }
            if references == other)
    })
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
