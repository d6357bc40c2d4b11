//! The names that PostgreSQL makes up (`makeObjectName`, `ChooseRelationName`,
//! `ChooseConstraintName` and `ChooseIndexName` in `src/backend/commands/`).

use crate::{
    catalog::{Catalog, UserType, UserTypeKind},
    ident::{Ident, MAX_NAME_BYTES, ObjectName, truncate_to},
};

/// `name1_name2_label` with the longer of the first two cut until it all fits.
pub(super) fn make(name1: &str, name2: Option<&str>, label: &str) -> Ident {
    let mut overhead = label.len() + 1;
    if name2.is_some() {
        overhead += 1;
    }
    let available = MAX_NAME_BYTES.saturating_sub(overhead);
    let mut keep1 = name1.len();
    let mut keep2 = name2.map_or(0, str::len);
    while keep1 + keep2 > available {
        if keep1 > keep2 {
            keep1 -= 1;
        } else {
            keep2 -= 1;
        }
    }
    let mut name = truncate_to(name1, keep1).to_owned();
    if let Some(name2) = name2 {
        name.push('_');
        name.push_str(truncate_to(name2, keep2));
    }
    name.push('_');
    name.push_str(label);
    Ident::exact(name)
}

/// The first of `label`, `label1`, `label2`, … whose name is free.
fn first_free(
    name1: &str,
    name2: Option<&str>,
    label: &str,
    taken: impl Fn(&Ident) -> bool,
) -> Ident {
    let mut name = make(name1, name2, label);
    let mut pass = 0;
    while taken(&name) {
        pass += 1;
        name = make(name1, name2, &format!("{label}{pass}"));
    }
    name
}

/// A name for a new sequence, or for an index that is not behind a constraint.
pub(super) fn relation(
    catalog: &Catalog,
    table: &ObjectName,
    name2: Option<&str>,
    label: &str,
) -> Ident {
    first_free(table.name.as_str(), name2, label, |name| {
        catalog.has_relation(&table.sibling(name.clone()))
    })
}

/// A name for a new key: free as a relation's and as a constraint's name.
pub(super) fn key(
    catalog: &Catalog,
    table: &ObjectName,
    name2: Option<&str>,
    label: &str,
) -> Ident {
    first_free(table.name.as_str(), name2, label, |name| {
        catalog.has_relation(&table.sibling(name.clone()))
            || constraint_taken(catalog, &table.schema, name)
    })
}

/// A name for a new constraint that has no index.
pub(super) fn constraint(
    catalog: &Catalog,
    table: &ObjectName,
    name2: Option<&str>,
    label: &str,
) -> Ident {
    first_free(table.name.as_str(), name2, label, |name| {
        constraint_taken(catalog, &table.schema, name)
    })
}

/// A name for a new constraint of a domain.
pub(super) fn domain_constraint(
    catalog: &Catalog,
    domain: &ObjectName,
    label: &str,
    taken: impl Fn(&Ident) -> bool,
) -> Ident {
    first_free(domain.name.as_str(), None, label, |name| {
        taken(name) || constraint_taken(catalog, &domain.schema, name)
    })
}

fn constraint_taken(catalog: &Catalog, schema: &Ident, name: &Ident) -> bool {
    let on_domain = |ty: &UserType| match &ty.kind {
        UserTypeKind::Domain { checks, .. } => checks.iter().any(|check| check.name == *name),
        UserTypeKind::Enum { .. } | UserTypeKind::Composite | UserTypeKind::Other => false,
    };
    let mut types = catalog.types.values();
    catalog.has_constraint(schema, name)
        || types.any(|ty| ty.name.schema == *schema && on_domain(ty))
}

/// Column names joined by `_` (`ChooseIndexNameAddition`): it stops after 63 bytes.
pub(super) fn addition<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for column in columns {
        if !joined.is_empty() {
            joined.push('_');
        }
        joined.push_str(column);
        if joined.len() > MAX_NAME_BYTES {
            break;
        }
    }
    joined
}

/// Names of an index's columns: unique among themselves (`ChooseIndexColumnNames`).
pub(super) fn index_columns(wanted: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for wanted in wanted {
        let mut name = wanted.clone();
        let mut number = 0;
        while names.contains(&name) {
            number += 1;
            let suffix = number.to_string();
            name = format!(
                "{}{suffix}",
                truncate_to(&wanted, MAX_NAME_BYTES - suffix.len())
            );
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_part_is_cut() {
        let long = "x".repeat(60);
        assert_eq!(make("t", Some("a"), "key").as_str(), "t_a_key");
        assert_eq!(make("t", None, "pkey").as_str(), "t_pkey");
        let name = make(&long, Some("column_name"), "fkey");
        assert_eq!(name.as_str().len(), 63);
        assert!(name.as_str().ends_with("x_column_name_fkey"));
        let both = make(&long, Some(&"y".repeat(60)), "check");
        assert_eq!(
            both.as_str(),
            format!("{}_{}_check", "x".repeat(28), "y".repeat(28))
        );
    }

    #[test]
    fn column_names_of_an_index_are_told_apart() {
        let names = index_columns(["a", "expr", "expr", "a"].map(str::to_owned));
        assert_eq!(names, ["a", "expr", "expr1", "a1"]);
    }
}
