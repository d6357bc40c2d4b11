//! Collects effects, and knows what belongs to a table: its indexes, its family, its peers.

use crate::{
    catalog::{Catalog, Constraint, ConstraintKind, Index, Table, TableKind},
    effects::{Effects, LockMode, Scan},
    ident::{Ident, ObjectName},
};

/// Effects in the making.
pub(super) struct Builder<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) effects: Effects,
}

impl<'a> Builder<'a> {
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            effects: Effects::default(),
        }
    }

    pub(super) fn done(mut self) -> Effects {
        self.effects.rewrites.sort();
        self.effects.rewrites.dedup();
        self.effects.scans.sort();
        self.effects.scans.dedup();
        self.effects
    }

    pub(super) fn lock(&mut self, relation: &ObjectName, mode: LockMode) {
        self.effects.add_lock(relation.clone(), mode);
    }

    /// A foreign table stores nothing, and nothing is checked of its rows (`ATRewriteTables`,
    /// `src/backend/commands/tablecmds.c`).
    pub(super) fn scan(&mut self, relation: &ObjectName, under: LockMode, purpose: &str) {
        if self.is_foreign(relation) {
            return;
        }
        self.effects.scans.push(Scan {
            relation: relation.clone(),
            under,
            purpose: purpose.to_owned(),
        });
    }

    /// The first reason found is kept.
    pub(super) fn fail(&mut self, reason: String) {
        self.effects.fails.get_or_insert(reason);
    }

    /// The relation is not there: certain only when the catalog is complete.
    pub(super) fn missing(&mut self, what: &str, name: &ObjectName) {
        if self.catalog.complete {
            self.fail(format!("{what} {} does not exist", name.short()));
        }
    }

    /// Locks the table and everything below it.
    pub(super) fn lock_family(&mut self, name: &ObjectName, mode: LockMode) {
        self.lock(name, mode);
        for table in self.catalog.family(name) {
            self.lock(&table.name, mode);
        }
    }

    /// Locks the table and its partitions. Foreign keys concern these alone: to what inherits
    /// otherwise they are not handed down (manual, section 5.11.1).
    pub(super) fn lock_partitions(&mut self, name: &ObjectName, mode: LockMode) {
        if self.is_partitioned(name) {
            self.lock_family(name, mode);
        } else {
            self.lock(name, mode);
        }
    }

    /// Scans the table, or what stores the rows of its partitions.
    pub(super) fn scan_partitions(&mut self, name: &ObjectName, under: LockMode, purpose: &str) {
        if self.is_partitioned(name) {
            self.scan_family(name, under, purpose);
        } else {
            self.scan(name, under, purpose);
        }
    }

    fn is_foreign(&self, name: &ObjectName) -> bool {
        let table = self.catalog.tables.get(name);
        table.is_some_and(|table| table.kind == TableKind::Foreign)
    }

    fn is_partitioned(&self, name: &ObjectName) -> bool {
        let table = self.catalog.tables.get(name);
        table.is_some_and(|table| table.kind == TableKind::Partitioned)
    }

    /// Scans every part of the family that has rows of its own; the table itself when the
    /// catalog does not hold it.
    pub(super) fn scan_family(&mut self, name: &ObjectName, under: LockMode, purpose: &str) {
        for table in storing(self.catalog, name) {
            self.scan(&table, under, purpose);
        }
    }

    /// The same without some of its parts.
    pub(super) fn scan_family_but(
        &mut self,
        name: &ObjectName,
        without: &[ObjectName],
        under: LockMode,
        purpose: &str,
    ) {
        for table in storing(self.catalog, name) {
            if !without.contains(&table) {
                self.scan(&table, under, purpose);
            }
        }
    }

    /// The file of the table and those of all its indexes are written anew.
    pub(super) fn rewrite(&mut self, name: &ObjectName, purpose: &str) {
        if self.is_foreign(name) {
            return;
        }
        self.effects.rewrites.push(name.clone());
        self.scan(name, LockMode::AccessExclusive, purpose);
        let Some(table) = self.catalog.tables.get(name) else {
            return;
        };
        for index in &table.indexes {
            self.effects.rewrites.push(index_name(table, index));
            self.lock_index(table, index, LockMode::AccessExclusive);
        }
    }

    /// Locks an index, unless it stands behind a primary key.
    pub(super) fn lock_index(&mut self, table: &Table, index: &Index, mode: LockMode) {
        if !is_primary(table, index) {
            self.lock(&index_name(table, index), mode);
        }
    }

    /// Locks all indexes of a table but that of the primary key.
    pub(super) fn lock_indexes(&mut self, table: &Table, mode: LockMode) {
        for index in &table.indexes {
            self.lock_index(table, index, mode);
        }
    }

    /// The parts of a partitioned index, at all levels.
    pub(super) fn index_parts(&self, name: &ObjectName) -> Vec<(&'a Table, &'a Index)> {
        let mut found = Vec::new();
        let mut todo = vec![name.clone()];
        while let Some(parent) = todo.pop() {
            for table in self.catalog.tables.values() {
                for index in &table.indexes {
                    if index.parent.as_ref() == Some(&parent) {
                        todo.push(index_name(table, index));
                        found.push((table, index));
                    }
                }
            }
        }
        found
    }

    /// Foreign keys that reference one of these columns of a table; all when `columns` is `None`.
    pub(super) fn inbound(
        &self,
        table: &ObjectName,
        columns: Option<&[Ident]>,
    ) -> Vec<(&'a Table, &'a Constraint)> {
        let catalog: &'a Catalog = self.catalog;
        catalog
            .inbound_foreign_keys(table)
            .into_iter()
            .filter(|(_, constraint)| match (&constraint.kind, columns) {
                (
                    ConstraintKind::ForeignKey {
                        referenced_columns, ..
                    },
                    Some(columns),
                ) => referenced_columns.iter().any(|c| columns.contains(c)),
                _ => true,
            })
            .collect()
    }
}

/// The relations of a family that store rows.
pub(super) fn storing(catalog: &Catalog, name: &ObjectName) -> Vec<ObjectName> {
    let family = catalog.family(name);
    if family.is_empty() {
        return vec![name.clone()];
    }
    family
        .into_iter()
        .filter(|table| table.has_storage())
        .map(|table| table.name.clone())
        .collect()
}

/// The full name of a table's index.
pub(super) fn index_name(table: &Table, index: &Index) -> ObjectName {
    table.name.sibling(index.name.clone())
}

/// Whether the index stands behind the table's primary key.
pub(super) fn is_primary(table: &Table, index: &Index) -> bool {
    table
        .primary_key()
        .is_some_and(|key| index.constraint.as_ref() == Some(&key.name))
}

/// The tables a foreign key constraint has on its other side.
pub(super) fn referenced(constraint: &Constraint) -> Option<&ObjectName> {
    match &constraint.kind {
        ConstraintKind::ForeignKey { references, .. } => Some(references),
        ConstraintKind::Check { .. }
        | ConstraintKind::Unique { .. }
        | ConstraintKind::PrimaryKey { .. }
        | ConstraintKind::Exclude { .. }
        | ConstraintKind::Other => None,
    }
}
