//! Partitions: attached, detached, made.

use crate::{
    catalog::{PgVersion, Table},
    effects::{
        LockMode,
        alter::Altered,
        builder::{Builder, index_name, referenced},
    },
    ident::{ObjectName, QualifiedName},
};

const AE: LockMode = LockMode::AccessExclusive;

/// The default partition of a partitioned table.
pub(super) fn default_partition<'a>(builder: &Builder<'a>, parent: &Table) -> Option<&'a Table> {
    parent
        .children
        .iter()
        .filter_map(|child| builder.catalog.tables.get(child))
        .find(|child| child.partition_bound.as_deref() == Some("DEFAULT"))
}

/// `ATTACH PARTITION`. Whether the constraints of the table already imply the bound is not
/// judged here: the scans are those of the bad case.
pub(super) fn attach(builder: &mut Builder<'_>, altered: &Altered<'_>, name: &QualifiedName) {
    let catalog = builder.catalog;
    let part = catalog.resolve(name);
    if !catalog.tables.contains_key(&part) {
        builder.missing("table", &part);
    }
    builder.lock_family(&part, AE);
    builder.scan_family(
        &part,
        AE,
        "to check the partition's bound against every row",
    );
    let Some(parent) = altered.table else { return };
    if let Some(default) = default_partition(builder, parent) {
        builder.lock_family(&default.name, AE);
        builder.scan_family(
            &default.name,
            AE,
            "to check that no row of the default partition belongs to the new one",
        );
    }
    for index in &parent.indexes {
        builder.lock_index(parent, index, LockMode::ShareUpdateExclusive);
    }
    peers_of(builder, parent);
    for constraint in &parent.constraints {
        if let Some(peer) = referenced(constraint)
            && constraint.validated
        {
            let purpose = format!(
                "to check foreign key {} of the rows attached",
                constraint.name
            );
            builder.scan_family(peer, LockMode::ShareRowExclusive, &purpose);
        }
    }
}

/// The tables that a partition's inherited foreign keys reference.
pub(super) fn peers_of(builder: &mut Builder<'_>, parent: &Table) {
    for constraint in &parent.constraints {
        if let Some(peer) = referenced(constraint) {
            builder.lock_family(peer, LockMode::ShareRowExclusive);
        }
    }
    // Before 15 the triggers on the referencing side were not made anew.
    let mode = if builder.catalog.version >= PgVersion::V15 {
        LockMode::ShareRowExclusive
    } else {
        LockMode::AccessShare
    };
    for (child, _) in builder.inbound(&parent.name, None) {
        builder.lock_family(&child.name, mode);
    }
}

/// How a partition is detached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detach {
    /// In one step.
    Plain,
    /// `CONCURRENTLY`: two transactions of its own.
    Concurrently,
    /// `FINALIZE` an interrupted one.
    Finalize,
}

/// `DETACH PARTITION`.
pub(super) fn detach(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    name: &QualifiedName,
    how: Detach,
) {
    let part = builder.catalog.resolve(name);
    if altered
        .table
        .is_some_and(|parent| !parent.children.contains(&part))
    {
        builder.fail(format!(
            "{} is not a partition of {}",
            part.short(),
            altered.name.short()
        ));
    }
    let default = altered
        .table
        .and_then(|parent| default_partition(builder, parent))
        .filter(|default| default.name != part);
    match how {
        Detach::Plain => {
            builder.lock(&part, AE);
            // Its parts of the parent's indexes become indexes of their own.
            if let Some(part) = builder.catalog.tables.get(&part) {
                for index in part.indexes.iter().filter(|index| index.parent.is_some()) {
                    builder.lock_index(part, index, AE);
                }
            }
            if let Some(default) = default {
                builder.lock(&default.name, AE);
            }
        }
        Detach::Concurrently => {
            builder.effects.outside_transaction = true;
            builder.effects.waits_for_snapshots = true;
            // The second transaction holds it for a moment.
            builder.lock(&part, AE);
            if default.is_some() {
                builder.fail("CONCURRENTLY is refused beside a default partition".to_owned());
            }
        }
        Detach::Finalize => {
            builder.effects.waits_for_snapshots = true;
            builder.lock(&part, AE);
        }
    }
    let Some(parent) = altered.table else { return };
    // The triggers that check the foreign key on the partition's rows go from both sides.
    for (child, _) in builder.inbound(&parent.name, None) {
        builder.lock_family(&child.name, AE);
    }
    if how == Detach::Plain {
        for constraint in &parent.constraints {
            if let Some(peer) = referenced(constraint) {
                builder.lock_family(peer, LockMode::ShareRowExclusive);
            }
        }
    }
}

/// `CREATE TABLE … PARTITION OF`.
pub(super) fn create(builder: &mut Builder<'_>, parent: &ObjectName) {
    builder.lock(parent, AE);
    let Some(parent) = builder.catalog.tables.get(parent) else {
        builder.missing("table", parent);
        return;
    };
    if let Some(default) = default_partition(builder, parent) {
        builder.lock_family(&default.name, AE);
        builder.scan_family(
            &default.name,
            AE,
            "to check that no row of the default partition belongs to the new one",
        );
    }
    for index in &parent.indexes {
        builder.lock_index(parent, index, LockMode::ShareUpdateExclusive);
    }
    peers_of(builder, parent);
}

/// The parts of a partitioned index are locked with it.
pub(super) fn lock_index_parts(builder: &mut Builder<'_>, index: &ObjectName) {
    for (table, part) in builder.index_parts(index) {
        builder.lock(&index_name(table, part), AE);
    }
}
