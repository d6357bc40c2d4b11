//! Views, and relations that are made and filled by a query.

use crate::{
    effects::{LockMode, builder::Builder},
    ident::{ObjectName, QualifiedName},
    parse::statement::{CreateView, Refresh},
};

const AS: LockMode = LockMode::AccessShare;
const AE: LockMode = LockMode::AccessExclusive;

/// `CREATE VIEW` and `CREATE MATERIALIZED VIEW`.
pub(super) fn create(builder: &mut Builder<'_>, create: &CreateView) {
    let catalog = builder.catalog;
    let name = catalog.in_full(&create.name);
    let exists = catalog.has_relation(&name)
        && create.persistence != crate::parse::statement::Persistence::Temporary;
    if create.materialized {
        if exists && !create.if_not_exists {
            builder.fail(format!("{} already exists", name.short()));
            return;
        }
        // The query is looked at even where the view is there.
        made_by_query(builder, &create.reads, create.with_data && !exists);
        return;
    }
    for read in &create.reads {
        let read = catalog.resolve(read);
        if catalog.has_relation(&read) {
            // A view is not opened up, nor are partitions: only its own relations are locked.
            builder.lock(&read, AS);
        }
    }
    if exists {
        if create.or_replace
            && catalog
                .views
                .get(&name)
                .is_some_and(|view| !view.materialized)
        {
            builder.lock(&name, AE);
        } else {
            builder.fail(format!("{} already exists", name.short()));
        }
    }
}

/// CREATE TABLE AS, SELECT INTO, CREATE MATERIALIZED VIEW.
pub(super) fn made_by_query(builder: &mut Builder<'_>, reads: &[QualifiedName], filled: bool) {
    for read in reads {
        let read = builder.catalog.resolve(read);
        if !builder.catalog.has_relation(&read) {
            // A name that is not found may be that of a WITH query.
            continue;
        }
        if filled {
            read_whole(builder, &read, "to read the rows to keep");
        } else {
            builder.lock(&read, AS);
        }
    }
}

/// A relation whose rows a query reads, and what is behind it when it is a view.
pub(super) fn read_whole(builder: &mut Builder<'_>, relation: &ObjectName, purpose: &str) {
    let catalog = builder.catalog;
    let mut todo = vec![relation.clone()];
    let mut seen: Vec<ObjectName> = Vec::new();
    while let Some(relation) = todo.pop() {
        if seen.contains(&relation) {
            continue;
        }
        seen.push(relation.clone());
        match catalog.views.get(&relation) {
            Some(view) if !view.materialized => {
                builder.lock(&relation, AS);
                todo.extend(view.reads.iter().map(|(read, _)| read.clone()));
            }
            _ => {
                builder.lock_family(&relation, AS);
                if catalog.tables.contains_key(&relation) || !catalog.complete {
                    builder.scan_family(&relation, AS, purpose);
                }
            }
        }
    }
}

/// `REFRESH MATERIALIZED VIEW`.
pub(super) fn refresh(builder: &mut Builder<'_>, refresh: &Refresh) {
    let catalog = builder.catalog;
    let name = catalog.resolve(&refresh.name);
    let mode = if refresh.concurrently {
        LockMode::Exclusive
    } else {
        AE
    };
    builder.lock(&name, mode);
    let Some(table) = catalog.tables.get(&name) else {
        builder.missing("materialized view", &name);
        builder.effects.unknown |= !catalog.complete;
        return;
    };
    if refresh.concurrently {
        // Over columns, and all rows.
        let whole = |index: &crate::catalog::Index| {
            index.unique
                && index.predicate.is_none()
                && index.keys.iter().all(|key| key.column.is_some())
        };
        if catalog.complete && !table.indexes.iter().any(whole) {
            builder.fail(format!(
                "{} has no unique index over all of its rows, which CONCURRENTLY needs",
                name.short()
            ));
        }
        builder.scan(&name, mode, "to compare the old rows with the new ones");
    } else {
        builder.effects.rewrites.push(name.clone());
        if !table.indexes.is_empty() && refresh.with_data {
            builder.scan(&name, mode, "to build its indexes anew");
        }
        for index in &table.indexes {
            builder
                .effects
                .rewrites
                .push(name.sibling(index.name.clone()));
            builder.lock_index(table, index, AE);
        }
    }
    if !refresh.with_data {
        return;
    }
    let reads: Vec<ObjectName> = catalog
        .views
        .get(&name)
        .map(|view| view.reads.iter().map(|(read, _)| read.clone()).collect())
        .unwrap_or_default();
    for read in reads {
        read_whole(builder, &read, "to fill the materialized view");
    }
}
