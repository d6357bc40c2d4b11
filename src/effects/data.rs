//! Statements on rows.

use std::collections::BTreeSet;

use crate::{
    catalog::{Catalog, TableKind},
    effects::{Effects, LockMode, alter::owned_sequences, builder::Builder, view},
    ident::ObjectName,
    parse::statement::{Data, DataKind, Update},
};

/// `UPDATE` of one table. With a WHERE it may find its rows by an index, or read everything:
/// the latter is what is said.
pub(super) fn update(update: &Update, catalog: &Catalog) -> Effects {
    let mut builder = Builder::new(catalog);
    let name = behind(&mut builder, &catalog.resolve(&update.table));
    written(&mut builder, &name);
    builder.scan_family(&name, LockMode::RowExclusive, "to find the rows to update");
    for read in &update.reads {
        let read = catalog.resolve(read);
        if catalog.has_relation(&read) {
            builder.lock_family(&read, LockMode::AccessShare);
        }
    }
    builder.done()
}

/// The other kinds.
pub(super) fn effects(data: &Data, catalog: &Catalog) -> Effects {
    let mut builder = Builder::new(catalog);
    let targets: BTreeSet<ObjectName> = data.targets.iter().map(|n| catalog.resolve(n)).collect();
    for read in &data.reads {
        let read = catalog.resolve(read);
        // A name that is not found may be that of a WITH query.
        if catalog.has_relation(&read) {
            let purpose = if data.from_query {
                "to read the rows to insert"
            } else {
                "to read its rows"
            };
            view::read_whole(&mut builder, &read, purpose);
            if data.locks_rows {
                builder.lock_family(&read, LockMode::RowShare);
            }
        }
    }
    let targets: BTreeSet<ObjectName> = match data.kind {
        DataKind::Truncate => targets,
        DataKind::Insert
        | DataKind::Copy
        | DataKind::Update
        | DataKind::Delete
        | DataKind::Merge
        | DataKind::Select => targets
            .iter()
            .map(|target| behind(&mut builder, target))
            .collect(),
    };
    match data.kind {
        DataKind::Insert | DataKind::Copy => {
            for target in &targets {
                builder.lock(target, LockMode::RowExclusive);
                // Others than the first are changed by the queries of a WITH.
                if targets.len() > 1 {
                    let purpose = "to find the rows to change";
                    builder.scan_family(target, LockMode::RowExclusive, purpose);
                }
                // Rows are routed; every partition may get some.
                if catalog
                    .tables
                    .get(target)
                    .is_some_and(|table| table.kind == TableKind::Partitioned)
                {
                    builder.lock_family(target, LockMode::RowExclusive);
                }
            }
        }
        DataKind::Update | DataKind::Delete | DataKind::Merge => {
            for target in &targets {
                written(&mut builder, target);
                builder.scan_family(target, LockMode::RowExclusive, "to find the rows to change");
            }
        }
        DataKind::Truncate => {
            for target in &targets {
                truncate(&mut builder, target);
            }
        }
        DataKind::Select => {}
    }
    builder.done()
}

/// The table that is written when a view is, which is locked too.
fn behind(builder: &mut Builder<'_>, name: &ObjectName) -> ObjectName {
    let mut chain = builder.catalog.written_through(name);
    let last = chain.pop().unwrap_or_else(|| name.clone());
    for view in chain {
        builder.lock(&view, LockMode::RowExclusive);
    }
    last
}

fn written(builder: &mut Builder<'_>, name: &ObjectName) {
    if !builder.catalog.has_relation(name) {
        builder.missing("relation", name);
    }
    builder.lock_family(name, LockMode::RowExclusive);
}

/// TRUNCATE. Which of its words were said is not known, so the worst is assumed: CASCADE, no
/// ONLY, and RESTART IDENTITY.
fn truncate(builder: &mut Builder<'_>, name: &ObjectName) {
    let mut todo = vec![name.clone()];
    let mut seen = BTreeSet::new();
    while let Some(name) = todo.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        builder.lock(&name, LockMode::AccessExclusive);
        let Some(table) = builder.catalog.tables.get(&name) else {
            builder.effects.rewrites.push(name);
            continue;
        };
        for sequence in owned_sequences(builder.catalog, &name, None) {
            builder.lock(&sequence, LockMode::AccessExclusive);
            builder.effects.rewrites.push(sequence);
        }
        if table.has_storage() {
            builder.effects.rewrites.push(name.clone());
            for index in &table.indexes {
                builder
                    .effects
                    .rewrites
                    .push(table.name.sibling(index.name.clone()));
                builder.lock_index(table, index, LockMode::AccessExclusive);
            }
        }
        todo.extend(table.children.iter().cloned());
        for (child, _) in builder.inbound(&name, None) {
            todo.push(child.name.clone());
        }
    }
}
