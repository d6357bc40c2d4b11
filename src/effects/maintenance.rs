//! REINDEX, CLUSTER, VACUUM, ANALYZE and LOCK.

use crate::{
    catalog::{PgVersion, TableKind},
    effects::{
        LockMode,
        builder::{Builder, is_primary, storing},
    },
    ident::ObjectName,
    parse::statement::{Cluster, Lock, Reindex, ReindexKind, TableLockMode, Vacuum},
};

const SUE: LockMode = LockMode::ShareUpdateExclusive;
const AE: LockMode = LockMode::AccessExclusive;

/// `REINDEX` in all its forms.
pub(super) fn reindex(builder: &mut Builder<'_>, reindex: &Reindex) {
    let catalog = builder.catalog;
    let mode = if reindex.concurrently {
        SUE
    } else {
        LockMode::Share
    };
    builder.effects.waits_for_snapshots = reindex.concurrently;
    builder.effects.outside_transaction = reindex.concurrently
        || match reindex.kind {
            ReindexKind::Index | ReindexKind::Table => false,
            ReindexKind::Schema | ReindexKind::Database | ReindexKind::System => true,
        };
    let named = reindex.name.as_ref().map(|name| catalog.resolve(name));
    match (reindex.kind, named) {
        (ReindexKind::Index, Some(name)) => {
            let Some((table, index)) = catalog.index(&name) else {
                builder.missing("index", &name);
                builder.lock(&name, if reindex.concurrently { SUE } else { AE });
                builder.effects.unknown |= !catalog.complete;
                return;
            };
            if table.kind == TableKind::Partitioned {
                // Each part in a transaction of its own.
                builder.effects.outside_transaction = true;
                for member in catalog.family(&table.name) {
                    reindex_table(builder, &member.name, mode, Some(&name));
                }
                return;
            }
            builder.lock(&table.name, mode);
            builder.scan(&table.name, mode, "to build the index anew");
            builder.lock(&name, if reindex.concurrently { SUE } else { AE });
            if index.constraint.is_some() && is_primary(table, index) && !reindex.concurrently {
                builder.lock(&name, AE);
            }
            builder.effects.rewrites.push(name);
        }
        (ReindexKind::Table, Some(name)) => {
            if !catalog.tables.contains_key(&name) {
                builder.missing("table", &name);
                builder.effects.unknown |= !catalog.complete;
            }
            if catalog
                .tables
                .get(&name)
                .is_some_and(|table| table.kind == TableKind::Partitioned)
            {
                builder.effects.outside_transaction = true;
                for member in catalog.family(&name) {
                    reindex_table(builder, &member.name, mode, None);
                }
            } else {
                reindex_table(builder, &name, mode, None);
            }
        }
        (ReindexKind::Schema, Some(name)) => {
            for table in catalog.tables.values() {
                if table.name.schema == name.name {
                    reindex_table(builder, &table.name, mode, None);
                }
            }
        }
        (ReindexKind::Database, _) => {
            for table in catalog.tables.values() {
                reindex_table(builder, &table.name, mode, None);
            }
        }
        (ReindexKind::System, _) => {}
        (ReindexKind::Index | ReindexKind::Table | ReindexKind::Schema, None) => {
            builder.effects.unknown = true;
        }
    }
}

/// The indexes of one table, or those of them that are parts of one.
fn reindex_table(
    builder: &mut Builder<'_>,
    name: &ObjectName,
    mode: LockMode,
    part_of: Option<&ObjectName>,
) {
    builder.lock(name, mode);
    let Some(table) = builder.catalog.tables.get(name) else {
        builder.scan(name, mode, "to build the indexes anew");
        return;
    };
    let mut any = false;
    for index in &table.indexes {
        if part_of.is_some() && index.parent.as_ref() != part_of {
            continue;
        }
        if !table.has_storage() {
            continue;
        }
        any = true;
        builder
            .effects
            .rewrites
            .push(name.sibling(index.name.clone()));
        builder.lock_index(table, index, if mode == SUE { SUE } else { AE });
    }
    if any {
        builder.scan(name, mode, "to build the indexes anew");
    }
}

/// `CLUSTER`.
pub(super) fn cluster(builder: &mut Builder<'_>, cluster: &Cluster) {
    let catalog = builder.catalog;
    let Some(name) = &cluster.table else {
        // Every table that was clustered before, each in a transaction of its own.
        builder.effects.outside_transaction = true;
        builder.effects.unknown = !catalog.complete;
        for table in catalog.tables.values() {
            if table.indexes.iter().any(|index| index.clustered) {
                builder.lock(&table.name, AE);
                builder.rewrite(&table.name, "to write every row in the index's order");
            }
        }
        return;
    };
    let name = catalog.resolve(name);
    builder.lock(&name, AE);
    let Some(table) = catalog.tables.get(&name) else {
        builder.missing("table", &name);
        builder.rewrite(&name, "to write every row in the index's order");
        return;
    };
    if cluster.index.is_none() && !table.indexes.iter().any(|index| index.clustered) {
        builder.fail(format!("{} was never clustered", name.short()));
    }
    if let Some(index) = &cluster.index
        && table.index(index).is_none()
    {
        builder.fail(format!("{} has no index {index}", name.short()));
    }
    if table.kind == TableKind::Partitioned {
        builder.effects.outside_transaction = true;
    }
    for member in storing(catalog, &name) {
        if table.kind != TableKind::Partitioned && member != name {
            continue;
        }
        builder.lock(&member, AE);
        builder.rewrite(&member, "to write every row in the index's order");
    }
    // Of a partitioned index only the parts are worked on.
    if let Some(index) = &cluster.index
        && table.kind != TableKind::Partitioned
    {
        builder.lock(&name.sibling(index.clone()), AE);
    }
}

/// `VACUUM` and `ANALYZE`.
pub(super) fn vacuum(builder: &mut Builder<'_>, vacuum: &Vacuum) {
    let catalog = builder.catalog;
    let full = vacuum.is_on("full");
    builder.effects.outside_transaction = !vacuum.analyze_only;
    let all: Vec<(bool, ObjectName)> = if vacuum.tables.is_empty() {
        builder.effects.unknown = !catalog.complete;
        let tables = catalog.tables.keys();
        tables.map(|name| (true, name.clone())).collect()
    } else {
        let tables = vacuum.tables.iter();
        tables
            .map(|table| (table.only, catalog.resolve(&table.name)))
            .collect()
    };
    for (only, name) in all {
        let Some(table) = catalog.tables.get(&name) else {
            builder.missing("table", &name);
            builder.lock(&name, if full { AE } else { SUE });
            if full {
                builder.rewrite(&name, "to write every row anew");
            }
            continue;
        };
        let partitioned = table.kind == TableKind::Partitioned;
        let family: Vec<ObjectName> = if only {
            vec![name.clone()]
        } else {
            let family = catalog.family(&name).into_iter();
            family.map(|member| member.name.clone()).collect()
        };
        for member in family {
            let below = member != name;
            if full {
                // Before 18 only partitions came along, not children.
                if below && !partitioned && catalog.version < PgVersion::V18 {
                    continue;
                }
                builder.lock(&member, AE);
                if catalog
                    .tables
                    .get(&member)
                    .is_none_or(crate::catalog::Table::has_storage)
                {
                    builder.rewrite(&member, "to write every row anew");
                }
            } else if below && !partitioned && catalog.version < PgVersion::V18 {
                // Its rows are sampled for the parent's statistics.
                if vacuum.analyze_only || vacuum.is_on("analyze") {
                    builder.lock(&member, LockMode::AccessShare);
                }
            } else {
                builder.lock(&member, SUE);
            }
        }
    }
}

/// `LOCK TABLE`.
pub(super) fn lock(builder: &mut Builder<'_>, lock: &Lock) {
    let catalog = builder.catalog;
    let mode = match lock.mode {
        TableLockMode::AccessShare => LockMode::AccessShare,
        TableLockMode::RowShare => LockMode::RowShare,
        TableLockMode::RowExclusive => LockMode::RowExclusive,
        TableLockMode::ShareUpdateExclusive => LockMode::ShareUpdateExclusive,
        TableLockMode::Share => LockMode::Share,
        TableLockMode::ShareRowExclusive => LockMode::ShareRowExclusive,
        TableLockMode::Exclusive => LockMode::Exclusive,
        TableLockMode::AccessExclusive => LockMode::AccessExclusive,
    };
    for (only, name) in &lock.relations {
        let name = catalog.resolve(name);
        if !catalog.has_relation(&name) {
            builder.missing("relation", &name);
        }
        // What is behind a view is locked with it.
        let mut todo = vec![name];
        let mut seen: Vec<ObjectName> = Vec::new();
        while let Some(name) = todo.pop() {
            if seen.contains(&name) {
                continue;
            }
            seen.push(name.clone());
            if *only {
                builder.lock(&name, mode);
            } else {
                builder.lock_family(&name, mode);
            }
            if let Some(view) = catalog.views.get(&name) {
                todo.extend(view.reads.iter().map(|(read, _)| read.clone()));
            }
        }
    }
}
