//! Partitions: attached, detached, made.

use crate::{
    catalog::{ConstraintKind, Index, PgVersion, Table, TableKind},
    effects::{
        LockMode,
        alter::Altered,
        builder::{Builder, index_name, referenced, storing},
        partition_proof,
    },
    ident::{ObjectName, QualifiedName},
    parse::statement::{Key, TableConstraint, TableConstraintKind},
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

/// `ATTACH PARTITION`. Rows are read where no constraint proves what they are read for.
pub(super) fn attach(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    name: &QualifiedName,
    bound: Option<&str>,
) {
    let catalog = builder.catalog;
    let part = catalog.resolve(name);
    if !catalog.tables.contains_key(&part) {
        builder.missing("table", &part);
    }
    builder.lock_family(&part, AE);
    let proven = |table: &Table| match (altered.table, bound) {
        (Some(parent), Some(bound)) if is_default(bound) => {
            partition_proof::excludes_all(table, parent, catalog)
        }
        (Some(parent), Some(bound)) => partition_proof::implies(table, parent, bound),
        _ => false,
    };
    scan_unless(
        builder,
        &part,
        proven,
        "to check the partition's bound against every row",
    );
    let Some(parent) = altered.table else { return };
    look_at_default(builder, parent, bound);
    for index in &parent.indexes {
        builder.lock_index(parent, index, LockMode::ShareUpdateExclusive);
        let purpose = format!("to build its part of index {}", index.name);
        scan_unless(
            builder,
            &part,
            |table| has_index_like(table, index),
            &purpose,
        );
    }
    peers_of(builder, parent);
    for constraint in &parent.constraints {
        let Some(peer) = referenced(constraint) else {
            continue;
        };
        let has_it = catalog.tables.get(&part).is_some_and(|part| {
            let mut own = part.constraints.iter();
            own.any(|own| own.kind == constraint.kind && own.validated)
        });
        if has_it {
            // It is taken over, and its triggers go from the other side.
            builder.lock_partitions(peer, AE);
        } else if constraint.validated {
            let purpose = format!(
                "to check foreign key {} of the rows attached",
                constraint.name
            );
            builder.scan_family(&part, AE, &purpose);
            builder.scan_partitions(peer, LockMode::ShareRowExclusive, &purpose);
        }
    }
}

fn is_default(bound: &str) -> bool {
    bound.trim().eq_ignore_ascii_case("default")
}

/// Scans what stores rows of a table, unless something is true of it or of the whole.
fn scan_unless(
    builder: &mut Builder<'_>,
    name: &ObjectName,
    spared: impl Fn(&Table) -> bool,
    purpose: &str,
) {
    let catalog = builder.catalog;
    if catalog.tables.get(name).is_some_and(&spared) {
        return;
    }
    for part in storing(catalog, name) {
        if !catalog.tables.get(&part).is_some_and(&spared) {
            builder.scan(&part, AE, purpose);
        }
    }
}

/// A default partition must hold no row of the new one.
fn look_at_default(builder: &mut Builder<'_>, parent: &Table, bound: Option<&str>) {
    let Some(default) = default_partition(builder, parent) else {
        return;
    };
    builder.lock_family(&default.name, AE);
    scan_unless(
        builder,
        &default.name,
        |table| bound.is_some_and(|bound| partition_proof::excludes(table, parent, bound)),
        "to check that no row of the default partition belongs to the new one",
    );
}

/// Whether the table has an index that can become its part of the parent's
/// (`CompareIndexInfo` in `src/backend/catalog/index.c`).
fn has_index_like(table: &Table, wanted: &Index) -> bool {
    let shape = |index: &Index| {
        let at = index.definition.find('(').unwrap_or(0);
        let words = index.definition[at..].split_whitespace();
        words.collect::<Vec<_>>().join(" ").to_lowercase()
    };
    table.indexes.iter().any(|index| {
        index.valid
            && index.parent.is_none()
            && index.method == wanted.method
            && index.unique == wanted.unique
            && index.constraint.is_some() == wanted.constraint.is_some()
            && index.keys == wanted.keys
            && index.include == wanted.include
            && (wanted.constraint.is_some() || shape(index) == shape(wanted))
    })
}

/// The tables that a partition's inherited foreign keys reference.
pub(super) fn peers_of(builder: &mut Builder<'_>, parent: &Table) {
    for constraint in &parent.constraints {
        if let Some(peer) = referenced(constraint) {
            builder.lock_partitions(peer, LockMode::ShareRowExclusive);
        }
    }
    // Before 15 the triggers on the referencing side were not made anew.
    let mode = if builder.catalog.version >= PgVersion::V15 {
        LockMode::ShareRowExclusive
    } else {
        LockMode::AccessShare
    };
    for (child, _) in builder.inbound(&parent.name, None) {
        builder.lock_partitions(&child.name, mode);
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
            // Also when the default partition is the one to go.
            if altered
                .table
                .is_some_and(|parent| default_partition(builder, parent).is_some())
            {
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
        builder.lock_partitions(&child.name, AE);
    }
    if how == Detach::Plain {
        for constraint in &parent.constraints {
            if let Some(peer) = referenced(constraint) {
                builder.lock_partitions(peer, LockMode::ShareRowExclusive);
            }
        }
    }
}

/// `CREATE TABLE … PARTITION OF`.
pub(super) fn create(builder: &mut Builder<'_>, parent: &ObjectName, bound: &str) {
    builder.lock(parent, AE);
    let Some(parent) = builder.catalog.tables.get(parent) else {
        builder.missing("table", parent);
        return;
    };
    look_at_default(builder, parent, Some(bound));
    for index in &parent.indexes {
        builder.lock_index(parent, index, LockMode::ShareUpdateExclusive);
    }
    peers_of(builder, parent);
}

/// The partitions with rows that have the key already: a key added to the partitioned table takes
/// theirs over and builds no index there.
pub(super) fn keys_taken_over(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    key: &Key,
) -> Vec<ObjectName> {
    let mut found = Vec::new();
    for part in partitions_with_rows(builder, altered) {
        let own = part.constraints.iter().find(|own| match &own.kind {
            ConstraintKind::PrimaryKey { columns, .. } => key.primary && *columns == key.columns,
            ConstraintKind::Unique { columns, .. } => !key.primary && *columns == key.columns,
            ConstraintKind::Check { .. }
            | ConstraintKind::ForeignKey { .. }
            | ConstraintKind::Exclude { .. }
            | ConstraintKind::Other => false,
        });
        let index = own.and_then(|own| {
            let mut indexes = part.indexes.iter();
            indexes.find(|index| index.constraint.as_ref() == Some(&own.name))
        });
        if let Some(index) = index
            && index.parent.is_none()
            && index.include == key.include
            && index.nulls_not_distinct == key.nulls_not_distinct
        {
            builder.lock_index(part, index, LockMode::Share);
            found.push(part.name.clone());
        }
    }
    found
}

/// The partitions with rows that have the foreign key already, valid: one added to the partitioned
/// table takes theirs over and reads nothing there.
pub(super) fn foreign_keys_taken_over(
    builder: &Builder<'_>,
    altered: &Altered<'_>,
    constraint: &TableConstraint,
    peer: &ObjectName,
) -> Vec<ObjectName> {
    let TableConstraintKind::ForeignKey {
        columns,
        references,
        ..
    } = &constraint.kind
    else {
        return Vec::new();
    };
    let key_of_peer = || {
        let peer = builder.catalog.tables.get(peer)?;
        Some(peer.primary_key()?.columns().to_vec())
    };
    let referenced = match references.columns.as_slice() {
        [] => key_of_peer().unwrap_or_default(),
        written => written.to_vec(),
    };
    let wanted = ConstraintKind::ForeignKey {
        columns: columns.clone(),
        references: peer.clone(),
        referenced_columns: referenced,
    };
    let options = |action: &Option<String>, event: &str, definition: &str| {
        let written = action.as_deref().filter(|action| *action != "no action");
        match written {
            Some(action) => definition
                .to_ascii_lowercase()
                .contains(&format!(" on {event} {}", action.to_ascii_lowercase())),
            None => !definition
                .to_ascii_lowercase()
                .contains(&format!(" on {event} ")),
        }
    };
    partitions_with_rows(builder, altered)
        .into_iter()
        .filter(|part| {
            part.constraints.iter().any(|own| {
                own.kind == wanted
                    && own.validated
                    && own.deferrable == (constraint.attributes.deferrable == Some(true))
                    && options(&references.on_update, "update", &own.definition)
                    && options(&references.on_delete, "delete", &own.definition)
                    && references.match_full == own.definition.contains(" MATCH FULL")
            })
        })
        .map(|part| part.name.clone())
        .collect()
}

/// A foreign key that is taken over loses its own triggers: on the other side, and, where that is
/// partitioned, on the partition too.
pub(super) fn without_own_triggers(
    builder: &mut Builder<'_>,
    parts: &[ObjectName],
    peer: &ObjectName,
) {
    builder.lock_partitions(peer, AE);
    let partitioned = builder
        .catalog
        .tables
        .get(peer)
        .is_some_and(|peer| !peer.children.is_empty());
    if partitioned {
        for part in parts {
            builder.lock(part, AE);
        }
    }
}

fn partitions_with_rows<'a>(builder: &Builder<'a>, altered: &Altered<'_>) -> Vec<&'a Table> {
    let catalog = builder.catalog;
    let partitioned = altered
        .table
        .is_some_and(|table| table.kind == TableKind::Partitioned);
    if !partitioned {
        return Vec::new();
    }
    catalog
        .family(&altered.name)
        .into_iter()
        .filter(|part| part.has_storage())
        .collect()
}

/// The parts of a partitioned index are locked with it.
pub(super) fn lock_index_parts(builder: &mut Builder<'_>, index: &ObjectName) {
    for (table, part) in builder.index_parts(index) {
        builder.lock(&index_name(table, part), AE);
    }
}
