//! Names, as the normal form writes them.

use zdm::{
    ident::{Ident, QualifiedName},
    parse::statement::{OptionValue, RoutineKind},
};

/// `schema.name`, without quotes.
pub(super) fn name(name: &QualifiedName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", schema.as_str(), name.name.as_str()),
        None => name.name.as_str().to_owned(),
    }
}

pub(super) fn list(names: &[Ident]) -> String {
    names
        .iter()
        .map(Ident::as_str)
        .collect::<Vec<_>>()
        .join(",")
}

pub(super) fn strings(names: &[Ident]) -> Vec<String> {
    names.iter().map(|name| name.as_str().to_owned()).collect()
}

pub(super) fn parens(names: &[Ident]) -> String {
    format!("({})", list(names))
}

pub(super) fn options(options: &[OptionValue]) -> String {
    options
        .iter()
        .map(|option| option.name.as_str())
        .collect::<Vec<_>>()
        .join(",")
}

pub(super) fn routine(kind: RoutineKind) -> &'static str {
    match kind {
        RoutineKind::Function => "FUNCTION",
        RoutineKind::Procedure => "PROCEDURE",
        RoutineKind::Aggregate => "AGGREGATE",
        RoutineKind::Routine => "ROUTINE",
    }
}
