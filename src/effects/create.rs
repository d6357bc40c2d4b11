//! CREATE TABLE and CREATE INDEX.

use crate::{
    catalog::{Catalog, TableKind},
    effects::{Effects, LockMode, builder::Builder, partition, refusal, view},
    ident::Ident,
    parse::statement::{
        ColumnConstraintKind, CreateIndex, CreateTable, Persistence, TableConstraintKind,
    },
};

/// `CREATE TABLE`.
pub(super) fn table(create: &CreateTable, catalog: &Catalog) -> Effects {
    let mut builder = Builder::new(catalog);
    let name = catalog.in_full(&create.name);
    let exists = catalog.has_relation(&name) && create.persistence != Persistence::Temporary;
    if let Some(query) = &create.as_query {
        // The query is looked at even where the table is there.
        if !exists || create.if_not_exists {
            view::made_by_query(&mut builder, &query.reads, query.with_data && !exists);
        }
    }
    if exists {
        if !create.if_not_exists {
            builder.fail(format!("{} already exists", name.short()));
        }
        return builder.done();
    }
    for like in &create.likes {
        builder.lock(&catalog.resolve(&like.source), LockMode::AccessShare);
    }
    for parent in &create.inherits {
        builder.lock(&catalog.resolve(parent), LockMode::ShareUpdateExclusive);
    }
    if let Some(part) = &create.partition_of {
        partition::create(
            &mut builder,
            &catalog.resolve(&part.parent),
            &part.bound.text,
        );
    }
    let of_columns = create.columns.iter().flat_map(|column| {
        column
            .constraints
            .iter()
            .filter_map(|constraint| match &constraint.kind {
                ColumnConstraintKind::References(references) => Some(references),
                ColumnConstraintKind::NotNull
                | ColumnConstraintKind::Null
                | ColumnConstraintKind::Default(_)
                | ColumnConstraintKind::Check(_)
                | ColumnConstraintKind::Unique { .. }
                | ColumnConstraintKind::PrimaryKey
                | ColumnConstraintKind::Generated { .. }
                | ColumnConstraintKind::Identity { .. } => None,
            })
    });
    let of_table = create
        .constraints
        .iter()
        .filter_map(|constraint| match &constraint.kind {
            TableConstraintKind::ForeignKey { references, .. } => Some(references),
            TableConstraintKind::Check(_)
            | TableConstraintKind::NotNull(_)
            | TableConstraintKind::Key(_)
            | TableConstraintKind::KeyUsingIndex { .. }
            | TableConstraintKind::Exclude(_) => None,
        });
    for references in of_columns.chain(of_table) {
        let peer = catalog.resolve(&references.table);
        let itself = references.table.name == create.name.name
            && (references.table.schema == create.name.schema || peer == name);
        if !itself {
            if !catalog.tables.contains_key(&peer) {
                builder.missing("table", &peer);
            }
            builder.lock_partitions(&peer, LockMode::ShareRowExclusive);
        }
    }
    builder.done()
}

/// `CREATE INDEX`.
pub(super) fn index(create: &CreateIndex, catalog: &Catalog) -> Effects {
    let mut builder = Builder::new(catalog);
    let table = catalog.resolve(&create.table);
    let known = catalog.tables.get(&table);
    if known.is_none() {
        builder.missing("table", &table);
    }
    let mode = if create.concurrently {
        LockMode::ShareUpdateExclusive
    } else {
        LockMode::Share
    };
    builder.lock(&table, mode);
    if create.concurrently {
        builder.effects.outside_transaction = true;
        builder.effects.waits_for_snapshots = true;
    }
    if let Some(name) = &create.name {
        let name = table.sibling(name.clone());
        if catalog.has_relation(&name) {
            if !create.if_not_exists {
                builder.fail(format!("{} already exists", name.short()));
            }
            return builder.done();
        }
    }
    if let Some(table) = known {
        let columns: Vec<Ident> = create
            .columns
            .iter()
            .filter_map(|key| key.column.clone())
            .collect();
        let missing = columns.iter().find(|one| table.column(one).is_none());
        if let Some(column) = missing.filter(|_| catalog.complete) {
            builder.fail(format!("{} has no column {column}", table.name.short()));
        }
        if let Some(column) = columns.iter().find(|one| refusal::is_virtual(table, one)) {
            builder.fail(format!("column {column} is virtual, and cannot be indexed"));
        }
        if create.unique {
            refusal::outside_partition_key(&mut builder, table, &columns);
        }
    }
    let shown = create.name.as_ref().map_or_else(
        || "the new index".to_owned(),
        |name| format!("index {name}"),
    );
    let purpose = format!("to build {shown}");
    if known.is_some_and(|table| table.kind == TableKind::Partitioned) {
        if create.concurrently {
            builder.fail("CONCURRENTLY is refused on a partitioned table".to_owned());
        }
        if !create.only {
            builder.lock_family(&table, mode);
            builder.scan_family(&table, mode, &purpose);
        }
    } else {
        builder.scan(&table, mode, &purpose);
    }
    builder.done()
}
