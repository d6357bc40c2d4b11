//! Indexes of partitioned tables, which take neither CONCURRENTLY (manual, "CREATE INDEX") nor
//! USING INDEX (manual, "ALTER TABLE").
//!
//! An index is made ON ONLY the partitioned table, each partition's part CONCURRENTLY, and the
//! parts are attached. A key is given to each partition, on an index built CONCURRENTLY; added to
//! the partitioned table it then takes over those (`src/backend/commands/indexcmds.c`,
//! `DefineIndex`), and builds nothing.

use crate::{
    catalog::{ConstraintKind, Table, TableKind},
    fix::Segment,
    ident::{Ident, ObjectName},
    lint::Context,
    parse::statement::{CreateIndex, Key},
};

/// What stands for the statement; `None` when a partition is on another server or when the name of
/// its part cannot be told.
pub(super) fn create_index(
    context: &Context<'_>,
    create: &CreateIndex,
    table: &Table,
) -> Option<Vec<Segment>> {
    if create.only || create.if_not_exists {
        return None;
    }
    let after = context.after.tables.get(&table.name)?;
    let made = || {
        let mut new = after.indexes.iter();
        let new = new.find(|index| table.index(&index.name).is_none())?;
        Some(new.name.clone())
    };
    let name = create.name.clone().or_else(made)?;
    let mut parts = Parts {
        context,
        create,
        segments: Vec::new(),
    };
    let sql = parts.sql("", &name, &format!("ONLY {}", create.table));
    parts.segments.push(Segment::shared(sql));
    parts.below(table, &table.name.sibling(name))?;
    Some(parts.segments)
}

struct Parts<'a> {
    context: &'a Context<'a>,
    create: &'a CreateIndex,
    segments: Vec<Segment>,
}

impl Parts<'_> {
    /// The parts of an index that stands on a partitioned table, in the order of their names.
    fn below(&mut self, table: &Table, index: &ObjectName) -> Option<()> {
        let mut children = table.children.clone();
        children.sort();
        for child in children {
            let before = self.context.before.tables.get(&child)?;
            let after = self.context.after.tables.get(&child)?;
            let part = after
                .indexes
                .iter()
                .find(|part| part.parent.as_ref() == Some(index))?;
            let own = child.sibling(part.name.clone());
            match (before.kind, before.index(&part.name)) {
                // An index of the partition that fits becomes the part, with all its own parts.
                (_, Some(there)) if there.valid => {
                    self.attach(index, &own);
                }
                (TableKind::Table, None) => {
                    let sql = self.sql("CONCURRENTLY ", &part.name, &child.to_string());
                    self.segments.push(Segment::alone(sql));
                    self.attach(index, &own);
                }
                (TableKind::Partitioned, None) => {
                    let sql = self.sql("", &part.name, &format!("ONLY {child}"));
                    self.segments.push(Segment::shared(sql));
                    self.attach(index, &own);
                    self.below(before, &own)?;
                }
                (_, Some(_)) | (TableKind::Foreign | TableKind::MaterializedView, None) => {
                    return None;
                }
            }
        }
        Some(())
    }

    fn attach(&mut self, index: &ObjectName, part: &ObjectName) {
        let sql = format!("ALTER INDEX {index} ATTACH PARTITION {part}");
        self.segments.push(Segment::shared(sql));
    }

    fn sql(&self, concurrently: &str, name: &Ident, on: &str) -> String {
        let unique = if self.create.unique { "UNIQUE " } else { "" };
        let definition = self.context.slice(self.create.definition);
        format!("CREATE {unique}INDEX {concurrently}{name} ON {on} {definition}")
    }
}

/// The statements that give every partition its part of a key, the index `name` of which the
/// statement makes on a partitioned table: what builds the part of a leaf, by the leaf and the
/// part's name. `None` when one cannot have it or its name cannot be told.
pub(super) fn key_parts(
    context: &Context<'_>,
    table: &Table,
    name: &Ident,
    key: &Key,
    build: &mut impl FnMut(&ObjectName, &Ident),
) -> Option<()> {
    // The server refuses a key that does not say which partition a row belongs to.
    let mut outside = table.partition_columns.iter();
    if outside.any(|column| !key.columns.contains(column)) {
        return None;
    }
    let index = table.name.sibling(name.clone());
    let mut children = table.children.clone();
    children.sort();
    for child in children {
        let before = context.before.tables.get(&child)?;
        let after = context.after.tables.get(&child)?;
        let mut parts = after.indexes.iter();
        let part = parts.find(|part| part.parent.as_ref() == Some(&index))?;
        // It has the key already, with all that is below it.
        if before.index(&part.name).is_some() {
            continue;
        }
        let second = |own: &crate::catalog::Constraint| {
            matches!(own.kind, ConstraintKind::PrimaryKey { .. })
        };
        if key.primary && before.constraints.iter().any(second) {
            return None;
        }
        match before.kind {
            TableKind::Table => build(&child, &part.name),
            TableKind::Partitioned => key_parts(context, before, &part.name, key, build)?,
            TableKind::Foreign | TableKind::MaterializedView => return None,
        }
    }
    Some(())
}
