//! How far the value of an expression may vary.
//!
//! Decides whether ADD COLUMN … DEFAULT rewrites the table (only a volatile default does). What
//! is not known counts as volatile, never the other way round. The lists of built-in functions
//! in `functions/` are compared with `pg_proc` by `tests/it/live/effects.rs`.
//! Next: [`crate::effects`] uses it.

use std::{collections::HashMap, sync::OnceLock};

use crate::{
    catalog::{Catalog, Volatility},
    ident::QualifiedName,
    parse::Expr,
};

/// Words that look like functions in an expression but are grammar; none of them is volatile.
const GRAMMAR: &[(&str, Volatility)] = &[
    ("array", Volatility::Immutable),
    ("cast", Volatility::Immutable),
    ("coalesce", Volatility::Immutable),
    ("greatest", Volatility::Immutable),
    ("grouping", Volatility::Immutable),
    ("least", Volatility::Immutable),
    ("nullif", Volatility::Immutable),
    ("row", Volatility::Immutable),
    ("trim", Volatility::Immutable),
    ("xmlconcat", Volatility::Immutable),
    ("xmlelement", Volatility::Stable),
    ("xmlforest", Volatility::Stable),
    ("current_catalog", Volatility::Stable),
    ("current_date", Volatility::Stable),
    ("current_role", Volatility::Stable),
    ("current_time", Volatility::Stable),
    ("current_timestamp", Volatility::Stable),
    ("localtime", Volatility::Stable),
    ("localtimestamp", Volatility::Stable),
    ("user", Volatility::Stable),
];

/// The volatility of an expression: that of the worst function in it. A cast or an operator is
/// never counted worse than stable, which is what PostgreSQL's own are.
pub fn volatility(expr: &Expr, catalog: &Catalog) -> Volatility {
    if !expr.understood {
        return Volatility::Volatile;
    }
    let floor = if expr.has_query || !expr.casts.is_empty() {
        Volatility::Stable
    } else {
        Volatility::Immutable
    };
    expr.functions
        .iter()
        .map(|name| of_function(name, catalog))
        .max()
        .unwrap_or(Volatility::Immutable)
        .max(floor)
}

/// The volatility of a function by its name: the worst of the overloads it could mean.
pub fn of_function(name: &QualifiedName, catalog: &Catalog) -> Volatility {
    let of_users = user_function(name, catalog);
    let built_in = match &name.schema {
        Some(schema) if schema.as_str() != "pg_catalog" => None,
        Some(_) | None => built_in(name.name.as_str()),
    };
    match (of_users, built_in) {
        (Some(one), Some(other)) => one.max(other),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => Volatility::Volatile,
    }
}

fn user_function(name: &QualifiedName, catalog: &Catalog) -> Option<Volatility> {
    catalog
        .functions
        .iter()
        .filter(|(known, _)| {
            known.name == name.name
                && match &name.schema {
                    Some(schema) => known.schema == *schema,
                    None => catalog.search_path.contains(&known.schema),
                }
        })
        .flat_map(|(_, overloads)| overloads)
        .map(|function| function.volatility)
        .max()
}

fn built_in(name: &str) -> Option<Volatility> {
    static TABLE: OnceLock<HashMap<&'static str, Volatility>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut table: HashMap<_, _> = built_in_functions().collect();
        table.extend(GRAMMAR.iter().copied());
        table
    });
    table.get(name).copied()
}

/// The built-in functions that are known not to be volatile.
pub fn built_in_functions() -> impl Iterator<Item = (&'static str, Volatility)> {
    let lines = |text: &'static str, volatility| {
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(move |name| (name, volatility))
    };
    lines(
        include_str!("functions/immutable.txt"),
        Volatility::Immutable,
    )
    .chain(lines(
        include_str!("functions/stable.txt"),
        Volatility::Stable,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Function, PgVersion},
        ident::{Ident, ObjectName},
    };

    fn of(name: &str, catalog: &Catalog) -> Volatility {
        of_function(&QualifiedName::bare(Ident::exact(name)), catalog)
    }

    #[test]
    fn built_in_functions_are_known_and_others_are_volatile() {
        let catalog = Catalog::empty(PgVersion::V18);
        for (name, expected) in [
            ("lower", Volatility::Immutable),
            ("now", Volatility::Stable),
            ("current_date", Volatility::Stable),
            ("coalesce", Volatility::Immutable),
            ("random", Volatility::Volatile),
            ("clock_timestamp", Volatility::Volatile),
            ("gen_random_uuid", Volatility::Volatile),
            ("nextval", Volatility::Volatile),
            ("uuidv7", Volatility::Volatile),
            ("never_heard_of", Volatility::Volatile),
        ] {
            assert_eq!(of(name, &catalog), expected, "{name}");
        }
    }

    #[test]
    fn a_users_function_counts_as_declared_and_with_its_namesakes() {
        let mut catalog = Catalog::empty(PgVersion::V18);
        let stable = Function {
            arguments: String::new(),
            volatility: Volatility::Stable,
            language: "sql".into(),
            source: None,
        };
        let volatile = Function {
            volatility: Volatility::Volatile,
            ..stable.clone()
        };
        catalog
            .functions
            .insert(ObjectName::public("f"), vec![stable]);
        catalog
            .functions
            .insert(ObjectName::public("lower"), vec![volatile]);
        assert_eq!(of("f", &catalog), Volatility::Stable);
        assert_eq!(of("lower", &catalog), Volatility::Volatile);
    }
}
