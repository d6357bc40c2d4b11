//! Whether a table is still the one a plan was made for.
//!
//! A fingerprint covers what plans depend on: columns with their order, constraints, indexes,
//! triggers, policies, partitions, grants, publications. Sizes and comments do not count, and
//! neither do zdm's own objects, which come and go while a plan runs.
//! Next: [`crate::plan`] stores the fingerprint of each table it touches.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::{catalog::Table, ident::Ident};

/// A short digest of the table without the columns, constraints, indexes and triggers named in
/// `ignoring`.
pub fn fingerprint(table: &Table, ignoring: &BTreeSet<Ident>) -> String {
    // Every map key of the table's JSON is a string, so that writing it cannot fail; if it ever
    // did, the debug form tells tables apart as well.
    let table = essence(table, ignoring);
    let text = serde_json::to_string(&table).unwrap_or_else(|_| format!("{table:?}"));
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// What is different in `new`, one finding per line, in words. Empty exactly when the
/// fingerprints (that ignore nothing) are equal.
pub fn differences(old: &Table, new: &Table) -> Vec<String> {
    let nothing = BTreeSet::new();
    let (old, new) = (
        as_map(&essence(old, &nothing)),
        as_map(&essence(new, &nothing)),
    );
    let mut found = Vec::new();
    for (key, one) in PARTS {
        named_differences(one, &old[*key], &new[*key], &mut found);
    }
    let order = |table: &Map<String, Value>| names(&table["columns"]);
    let (before, after) = (order(&old), order(&new));
    let common = |names: &[String], others: &[String]| -> Vec<String> {
        names
            .iter()
            .filter(|n| others.contains(n))
            .cloned()
            .collect()
    };
    if common(&before, &after) != common(&after, &before) {
        found.push(format!("the order of columns is now {}", after.join(", ")));
    }
    for (field, was) in &old {
        if PARTS.iter().any(|(key, _)| key == field) {
            continue;
        }
        let is = &new[field];
        if was != is {
            found.push(changed("the table's ", field, was, is));
        }
    }
    found
}

/// The lists of a table whose entries have names, and what one entry is called.
const PARTS: &[(&str, &str)] = &[
    ("columns", "column"),
    ("constraints", "constraint"),
    ("indexes", "index"),
    ("triggers", "trigger"),
    ("policies", "policy"),
    ("publications", "publication"),
];

/// The table without what does not count.
fn essence(table: &Table, ignoring: &BTreeSet<Ident>) -> Table {
    let mut table = table.clone();
    table.size = None;
    table.comment = None;
    table.columns.retain(|one| !ignoring.contains(&one.name));
    table
        .constraints
        .retain(|one| !ignoring.contains(&one.name));
    table.indexes.retain(|one| !ignoring.contains(&one.name));
    table.triggers.retain(|one| !ignoring.contains(&one.name));
    for column in &mut table.columns {
        column.comment = None;
    }
    for constraint in &mut table.constraints {
        constraint.comment = None;
    }
    for index in &mut table.indexes {
        index.comment = None;
    }
    table.constraints.sort_by(|a, b| a.name.cmp(&b.name));
    table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    table.triggers.sort_by(|a, b| a.name.cmp(&b.name));
    table.policies.sort_by(|a, b| a.name.cmp(&b.name));
    table.publications.sort_by(|a, b| a.name.cmp(&b.name));
    table.children.sort();
    if let Some(acl) = &mut table.acl {
        acl.sort();
    }
    table
}

fn as_map(table: &Table) -> Map<String, Value> {
    match serde_json::to_value(table) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

fn entries(list: &Value) -> &[Value] {
    list.as_array().map_or(&[], Vec::as_slice)
}

fn name_of(entry: &Value) -> String {
    entry["name"].as_str().unwrap_or_default().to_owned()
}

fn names(list: &Value) -> Vec<String> {
    entries(list).iter().map(name_of).collect()
}

fn named_differences(what: &str, old: &Value, new: &Value, found: &mut Vec<String>) {
    for entry in entries(old) {
        let name = name_of(entry);
        match entries(new).iter().find(|other| name_of(other) == name) {
            None => found.push(format!("{what} {} is gone", crate::ident::quote(&name))),
            Some(other) => {
                let (Some(entry), Some(other)) = (entry.as_object(), other.as_object()) else {
                    continue;
                };
                let prefix = format!("{what} {}: ", crate::ident::quote(&name));
                for (field, was) in entry {
                    let is = other.get(field).unwrap_or(&Value::Null);
                    if was != is {
                        found.push(changed(&prefix, field, was, is));
                    }
                }
            }
        }
    }
    for entry in entries(new) {
        let name = name_of(entry);
        if !entries(old).iter().any(|other| name_of(other) == name) {
            found.push(format!("{what} {} is new", crate::ident::quote(&name)));
        }
    }
}

fn changed(prefix: &str, field: &str, was: &Value, is: &Value) -> String {
    let field = match field {
        "ty" => "type".to_owned(),
        "acl" => "grants".to_owned(),
        other => other.replace('_', " "),
    };
    format!("{prefix}{field} was {}, is {}", shown(was), shown(is))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Column, ident::ObjectName};

    fn table(columns: &[(&str, &str)]) -> Table {
        let mut table = Table::new(ObjectName::public("t"));
        for (name, ty) in columns {
            table.columns.push(Column::new(Ident::exact(name), *ty));
        }
        table
    }

    #[test]
    fn columns_count_with_their_order_comments_do_not() {
        let nothing = BTreeSet::new();
        let one = table(&[("a", "integer"), ("b", "text")]);
        let mut other = one.clone();
        other.comment = Some("x".into());
        other.columns[0].comment = Some("y".into());
        assert_eq!(fingerprint(&one, &nothing), fingerprint(&other, &nothing));
        assert_eq!(differences(&one, &other), Vec::<String>::new());
        let swapped = table(&[("b", "text"), ("a", "integer")]);
        assert_ne!(fingerprint(&one, &nothing), fingerprint(&swapped, &nothing));
        assert_eq!(
            differences(&one, &swapped),
            ["the order of columns is now b, a"]
        );
    }

    #[test]
    fn what_is_ignored_does_not_count() {
        let plain = table(&[("a", "integer")]);
        let ours = table(&[("a", "integer"), ("_zdm_x", "text")]);
        let ignoring = BTreeSet::from([Ident::exact("_zdm_x")]);
        assert_eq!(
            fingerprint(&plain, &ignoring),
            fingerprint(&ours, &ignoring)
        );
        assert_ne!(
            fingerprint(&plain, &BTreeSet::new()),
            fingerprint(&ours, &BTreeSet::new())
        );
    }

    #[test]
    fn differences_are_said_in_words() {
        let old = table(&[("a", "integer"), ("b", "text")]);
        let mut new = table(&[("a", "bigint"), ("c", "text")]);
        new.row_security = true;
        assert_eq!(
            differences(&old, &new),
            [
                "column a: type was integer, is bigint",
                "column b is gone",
                "column c is new",
                "the table's row security was no, is yes",
            ]
        );
    }
}
