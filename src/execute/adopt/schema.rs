//! What the files say exists against what exists, in words.
//!
//! Only what can be told without doubt: tables, columns with their types, indexes and constraints
//! by name. Where the files hold something whose effect is not known, nothing is said to be missing
//! from them.

use std::collections::BTreeSet;

use crate::{
    catalog::{self, Catalog, PgVersion, Table, UNKNOWN_TYPE},
    execute::apply::MigrationFile,
    ident::{Ident, ObjectName},
};

/// The catalog that files leave in an empty database.
pub fn replay<'a>(version: PgVersion, files: impl Iterator<Item = &'a MigrationFile>) -> Catalog {
    let mut catalog = Catalog::empty(version);
    for file in files {
        // Each file is a session of its own.
        catalog.search_path = vec![Ident::exact("public")];
        for statement in &file.script.statements {
            catalog::apply(&mut catalog, statement, file.script.source.text());
        }
    }
    catalog
}

/// What a file that is not done makes, and what is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct There {
    file: String,
    table: ObjectName,
    /// The column; the whole table without one.
    column: Option<Ident>,
}

impl There {
    /// In one line.
    pub fn in_words(&self) -> String {
        let table = self.table.short();
        let what = match &self.column {
            None => table,
            Some(column) => format!("{table}.{column}"),
        };
        format!(
            "{what} is there already, and {}, which is not marked as done, makes it: was it run by \
             hand, or half of it?",
            self.file
        )
    }

    /// Adds it to what the files make, as it is, so that it is not told a second time.
    pub fn take_for_made(&self, replayed: &mut Catalog, live: &Catalog) {
        let Some(there) = live.tables.get(&self.table) else {
            return;
        };
        match &self.column {
            None => {
                replayed.tables.insert(self.table.clone(), there.clone());
            }
            Some(column) => {
                if let (Some(table), Some(column)) =
                    (replayed.tables.get_mut(&self.table), there.column(column))
                {
                    table.columns.push(column.clone());
                }
            }
        }
    }
}

/// Tables and columns that are there although the file which makes them is not done. `replayed` is
/// what the files that are done leave, and what all of them leave afterwards.
pub fn made_already<'a>(
    replayed: &mut Catalog,
    live: &Catalog,
    pending: impl Iterator<Item = &'a MigrationFile>,
) -> Vec<There> {
    let mut found: Vec<There> = Vec::new();
    for file in pending {
        let before = replayed.clone();
        replayed.search_path = vec![Ident::exact("public")];
        for statement in &file.script.statements {
            catalog::apply(replayed, statement, file.script.source.text());
        }
        for (name, table) in &replayed.tables {
            let Some(there) = live.tables.get(name) else {
                continue;
            };
            let made = |column: Option<Ident>| There {
                file: file.name.id.clone(),
                table: name.clone(),
                column,
            };
            match before.tables.get(name) {
                None => found.push(made(None)),
                // Whoever made the table by hand made its columns, too.
                Some(_)
                    if found
                        .iter()
                        .any(|one| one.table == *name && one.column.is_none()) => {}
                Some(known) => found.extend(
                    table
                        .columns
                        .iter()
                        .filter(|column| known.column(&column.name).is_none())
                        .filter(|column| there.column(&column.name).is_some())
                        .map(|column| made(Some(column.name.clone()))),
                ),
            }
        }
    }
    found
}

/// What differs, one line each. `passed_over` are tables that are nobody's migration.
pub fn differences(
    replayed: &Catalog,
    live: &Catalog,
    passed_over: &BTreeSet<ObjectName>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, table) in &replayed.tables {
        match live.tables.get(name) {
            None => lines.push(format!(
                "the files make {}, which is not there",
                name.short()
            )),
            Some(there) => in_table(table, there, replayed.complete, &mut lines),
        }
    }
    if replayed.complete {
        for name in live.tables.keys() {
            if !replayed.tables.contains_key(name) && !passed_over.contains(name) {
                lines.push(format!("{} is there, and no file makes it", name.short()));
            }
        }
    }
    lines
}

fn in_table(files: &Table, live: &Table, complete: bool, lines: &mut Vec<String>) {
    let table = files.name.short();
    for column in &files.columns {
        match live.columns.iter().find(|other| other.name == column.name) {
            None => lines.push(format!(
                "the files make {table}.{}, which is not there",
                column.name
            )),
            Some(there) if there.ty != column.ty && column.ty != UNKNOWN_TYPE => {
                lines.push(format!(
                    "{table}.{} is {}, and {} by the files",
                    column.name, there.ty, column.ty
                ));
            }
            Some(there) if there.not_null != column.not_null => lines.push(format!(
                "{table}.{} {} NULL, and {} by the files",
                column.name,
                if there.not_null { "refuses" } else { "accepts" },
                if column.not_null {
                    "refuses it"
                } else {
                    "accepts it"
                },
            )),
            Some(_) => {}
        }
    }
    let mut named = |what: &str, files: &BTreeSet<&Ident>, live: &BTreeSet<&Ident>| {
        for name in files.difference(live) {
            lines.push(format!(
                "the files make the {what} {name} of {table}, which is not there"
            ));
        }
        if complete {
            for name in live.difference(files) {
                lines.push(format!(
                    "{table} has the {what} {name}, and no file makes it"
                ));
            }
        }
    };
    let columns = |table: &'_ Table| -> Vec<Ident> {
        table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect()
    };
    let (there, by_files) = (columns(live), columns(files));
    let extra: BTreeSet<&Ident> = there
        .iter()
        .filter(|name| !by_files.contains(name))
        .collect();
    named("column", &BTreeSet::new(), &extra);
    named(
        "index",
        &files.indexes.iter().map(|index| &index.name).collect(),
        &live.indexes.iter().map(|index| &index.name).collect(),
    );
    named(
        "constraint",
        &files.constraints.iter().map(|one| &one.name).collect(),
        &live.constraints.iter().map(|one| &one.name).collect(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse::parse, source::SourceFile};

    fn catalog(sql: &str) -> Catalog {
        let script = parse(SourceFile::new("a.sql", sql));
        let mut catalog = Catalog::empty(PgVersion::V18);
        for statement in &script.statements {
            catalog::apply(&mut catalog, statement, sql);
        }
        catalog
    }

    #[test]
    fn what_is_on_one_side_only_is_told() {
        let files = catalog(
            "CREATE TABLE a (id int, n text NOT NULL); CREATE INDEX i ON a (n); CREATE TABLE gone (id int)",
        );
        let live = catalog(
            "CREATE TABLE a (id bigint, n text, more int); CREATE TABLE extra (id int); CREATE TABLE tool (v int)",
        );
        let passed: BTreeSet<ObjectName> = [ObjectName::public("tool")].into();
        assert_eq!(
            differences(&files, &live, &passed),
            [
                "a.id is bigint, and integer by the files",
                "a.n accepts NULL, and refuses it by the files",
                "a has the column more, and no file makes it",
                "the files make the index i of a, which is not there",
                "the files make gone, which is not there",
                "extra is there, and no file makes it",
            ]
        );
        assert_eq!(differences(&files, &files, &passed), Vec::<String>::new());
    }
}
