//! Ways from a name to the tables that have something of that name: their indexes and constraints,
//! and the foreign keys that reference a table.
//!
//! A catalog is a value that anything may change, and is copied for every statement; so what was
//! learned is kept beside it, shared by all copies, and brought up to date when it is asked, by what
//! the tables do not share with those it was learned from.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    catalog::{Catalog, ConstraintKind, Map, Table},
    ident::{Ident, ObjectName},
};

/// What is known of the names in the tables of a catalog and its copies.
#[derive(Clone, Default)]
pub struct Lookup(Arc<Mutex<Known>>);

/// The tables that have something, by its name.
type Users = HashMap<ObjectName, BTreeSet<ObjectName>>;

#[derive(Default)]
struct Known {
    /// The tables that the rest was learned from.
    tables: Map<ObjectName, Table>,
    indexes: Users,
    constraints: Users,
    referencing: Users,
}

impl Lookup {
    /// The first table with an index of that name.
    pub(super) fn table_of_index(
        &self,
        tables: &Map<ObjectName, Table>,
        index: &ObjectName,
    ) -> Option<ObjectName> {
        let known = self.of(tables);
        known.indexes.get(index)?.first().cloned()
    }

    /// Whether a table has a constraint of that name, those of NOT NULL included.
    pub(super) fn has_constraint(
        &self,
        tables: &Map<ObjectName, Table>,
        constraint: &ObjectName,
    ) -> bool {
        self.of(tables).constraints.contains_key(constraint)
    }

    /// The tables with a foreign key that references a table, by name.
    pub(super) fn referencing(
        &self,
        tables: &Map<ObjectName, Table>,
        table: &ObjectName,
    ) -> Vec<ObjectName> {
        let known = self.of(tables);
        let found = known.referencing.get(table);
        found.into_iter().flatten().cloned().collect()
    }

    /// What is known of just these tables.
    fn of(&self, tables: &Map<ObjectName, Table>) -> MutexGuard<'_, Known> {
        // What a panic leaves is out of date at worst, and no code in here panics.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = std::mem::take(&mut known.tables);
        let found = tables.differences(&earlier);
        for (_, table) in found.gone {
            known.change(table, forget);
        }
        for (_, table) in found.new {
            known.change(table, learn);
        }
        known.tables = tables.clone();
        known
    }
}

impl Catalog {
    /// Finds names by itself from now on, apart from its copies: for one that is asked in turns with
    /// copies that differ much from it, as what is known is brought up to date each time.
    pub fn forget_ways(&mut self) {
        self.lookup = Lookup::default();
    }

    /// Whether a table of that schema has a constraint of that name, those of NOT NULL included.
    pub fn has_constraint(&self, schema: &Ident, name: &Ident) -> bool {
        let name = ObjectName::new(schema.clone(), name.clone());
        self.lookup.has_constraint(&self.tables, &name)
    }
}

impl Known {
    fn change(&mut self, table: &Table, change: fn(&mut Users, &ObjectName, &ObjectName)) {
        let own = &table.name;
        for index in &table.indexes {
            change(&mut self.indexes, &own.sibling(index.name.clone()), own);
        }
        for constraint in &table.constraints {
            let name = own.sibling(constraint.name.clone());
            change(&mut self.constraints, &name, own);
            if let ConstraintKind::ForeignKey { references, .. } = &constraint.kind {
                change(&mut self.referencing, references, own);
            }
        }
        for column in &table.columns {
            if let Some((name, _)) = &column.not_null_constraint {
                change(&mut self.constraints, &own.sibling(name.clone()), own);
            }
        }
    }
}

fn learn(users: &mut Users, name: &ObjectName, table: &ObjectName) {
    users.entry(name.clone()).or_default().insert(table.clone());
}

fn forget(users: &mut Users, name: &ObjectName, table: &ObjectName) {
    if let Some(tables) = users.get_mut(name) {
        tables.remove(table);
        if tables.is_empty() {
            users.remove(name);
        }
    }
}

/// It says nothing that the tables do not say.
impl PartialEq for Lookup {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lookup {}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::{Catalog, PgVersion, apply},
        ident::{Ident, ObjectName},
        parse::parse,
        source::SourceFile,
    };

    #[test]
    fn copies_of_a_catalog_find_what_is_in_each() {
        let mut catalog = Catalog::empty(PgVersion::V18);
        let mut copies = vec![catalog.clone()];
        let sql = "CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int REFERENCES a);
            CREATE INDEX i ON b (a); ALTER INDEX i RENAME TO j; ALTER TABLE b RENAME TO c;
            ALTER TABLE c DROP CONSTRAINT b_a_fkey; DROP INDEX j; DROP TABLE a;";
        for statement in &parse(SourceFile::new("x.sql", sql)).statements {
            apply(&mut catalog, statement, sql);
            copies.push(catalog.clone());
        }
        let public = |name: &str| ObjectName::public(name);
        let look = |catalog: &Catalog| {
            let indexes = ["a_pkey", "i", "j"].map(|name| {
                let found = catalog.index(&public(name));
                found.map(|(table, _)| table.name.name.as_str().to_owned())
            });
            let found = catalog.inbound_foreign_keys(&public("a"));
            let keys: Vec<String> = found
                .into_iter()
                .map(|(table, key)| format!("{}.{}", table.name.name, key.name))
                .collect();
            let taken = catalog.has_constraint(&Ident::exact("public"), &Ident::exact("b_a_fkey"));
            (
                indexes.map(Option::unwrap_or_default).join(","),
                keys.join(","),
                taken,
            )
        };
        let expected = [
            (",,", "", false),
            ("a,,", "", false),
            ("a,,", "b.b_a_fkey", true),
            ("a,b,", "b.b_a_fkey", true),
            ("a,,b", "b.b_a_fkey", true),
            ("a,,c", "c.b_a_fkey", true),
            ("a,,c", "", false),
            ("a,,", "", false),
            (",,", "", false),
        ];
        // In any order, as each is asked for what is in it.
        for at in [8, 0, 4, 3, 5, 1, 7, 2, 6] {
            let (indexes, keys, taken) = look(&copies[at]);
            assert_eq!(
                (indexes.as_str(), keys.as_str(), taken),
                expected[at],
                "{at}"
            );
        }
    }
}
