//! DROP of anything.

use std::collections::BTreeSet;

use crate::{
    catalog::{Catalog, ConstraintKind, Index, Table, TableKind, types},
    effects::{
        Effects, LockMode,
        alter::owned_sequences,
        builder::{Builder, index_name, referenced},
        column::{drop_views, with_column},
        partition::{default_partition, lock_index_parts},
        user_type::with_domains_over,
    },
    ident::{Ident, ObjectName, QualifiedName},
    parse::statement::{Drop, DropBehavior, DropKind},
};

const AE: LockMode = LockMode::AccessExclusive;

/// Kinds of object that no relation is locked for, and none of which a relation is part of.
const LOCKS_NOTHING: &[&str] = &[
    "ACCESS METHOD",
    "CAST",
    "COLLATION",
    "CONVERSION",
    "DATABASE",
    "EVENT TRIGGER",
    "GROUP",
    "LANGUAGE",
    "OPERATOR",
    "OPERATOR CLASS",
    "OPERATOR FAMILY",
    "ROLE",
    "TABLESPACE",
    "TEXT SEARCH CONFIGURATION",
    "TEXT SEARCH DICTIONARY",
    "TEXT SEARCH PARSER",
    "TEXT SEARCH TEMPLATE",
    "TRANSFORM",
    "USER",
];

/// The effects of a DROP.
pub(super) fn effects(drop: &Drop, catalog: &Catalog) -> Effects {
    let mut builder = Builder::new(catalog);
    let named: BTreeSet<ObjectName> = drop.names.iter().map(|n| catalog.resolve(n)).collect();
    match &drop.kind {
        DropKind::Table => {
            for name in &named {
                relation(&mut builder, drop, name, &named);
            }
        }
        DropKind::View => {
            for name in &named {
                if !catalog.views.contains_key(name) {
                    missing(&mut builder, drop, "view", name);
                    continue;
                }
                builder.lock(name, AE);
                drop_views(&mut builder, name, None, drop.behavior);
            }
        }
        DropKind::MaterializedView => {
            for name in &named {
                let Some(view) = catalog.tables.get(name) else {
                    missing(&mut builder, drop, "materialized view", name);
                    continue;
                };
                builder.lock(name, AE);
                builder.lock_indexes(view, AE);
                drop_views(&mut builder, name, None, drop.behavior);
            }
        }
        DropKind::Index => {
            for name in &named {
                index(&mut builder, drop, name);
            }
        }
        DropKind::Sequence => {
            for name in &named {
                if !catalog.sequences.contains_key(name) {
                    missing(&mut builder, drop, "sequence", name);
                    continue;
                }
                builder.lock(name, AE);
                defaults_from(&mut builder, name, drop.behavior);
            }
        }
        DropKind::Type | DropKind::Domain => {
            for name in &drop.names {
                of_type(&mut builder, name, drop.behavior);
            }
        }
        DropKind::Trigger | DropKind::Policy | DropKind::Rule => {
            if let Some(on) = &drop.on {
                let on = catalog.resolve(on);
                if !hangs_on(catalog, drop, &on) {
                    // With IF EXISTS the table is not even locked.
                    if !drop.if_exists {
                        builder.fail(format!("{} has no such thing", on.short()));
                    }
                    return builder.done();
                }
                if drop.kind == DropKind::Trigger
                    && catalog
                        .tables
                        .get(&on)
                        .is_some_and(|table| table.kind == TableKind::Partitioned)
                {
                    builder.lock_family(&on, AE);
                } else {
                    builder.lock(&on, AE);
                }
            }
        }
        DropKind::Statistics => {
            for table in catalog.tables.values() {
                if table
                    .statistics
                    .iter()
                    .any(|(name, _)| named.contains(name))
                {
                    builder.lock(&table.name, LockMode::ShareUpdateExclusive);
                }
            }
        }
        DropKind::Schema => {
            for schema in &drop.names {
                whole_schema(&mut builder, schema, drop.behavior);
            }
        }
        DropKind::Function | DropKind::Extension => {
            // Without CASCADE nothing that depends on it goes; with it, what goes is not known.
            builder.effects.unknown = drop.behavior == DropBehavior::Cascade;
        }
        DropKind::Publication => {}
        DropKind::Other(what) => {
            // What is not in a schema with relations takes no lock on one unless it cascades.
            builder.effects.unknown =
                drop.behavior == DropBehavior::Cascade || !LOCKS_NOTHING.contains(&what.as_str());
            builder.effects.outside_transaction =
                ["DATABASE", "TABLESPACE"].contains(&what.to_ascii_uppercase().as_str());
        }
    }
    builder.done()
}

/// Whether the trigger, policy or rule may be there.
fn hangs_on(catalog: &Catalog, drop: &Drop, on: &ObjectName) -> bool {
    let Some(table) = catalog.tables.get(on) else {
        return true;
    };
    let Some(name) = drop.names.first().map(|name| &name.name) else {
        return true;
    };
    !catalog.complete
        || match drop.kind {
            DropKind::Trigger => table.triggers.iter().any(|one| one.name == *name),
            DropKind::Policy => table.policies.iter().any(|one| one.name == *name),
            DropKind::Rule => table.rules.contains(name),
            DropKind::Table
            | DropKind::Index
            | DropKind::View
            | DropKind::MaterializedView
            | DropKind::Sequence
            | DropKind::Type
            | DropKind::Domain
            | DropKind::Schema
            | DropKind::Function
            | DropKind::Extension
            | DropKind::Statistics
            | DropKind::Publication
            | DropKind::Other(_) => true,
        }
}

fn missing(builder: &mut Builder<'_>, drop: &Drop, what: &str, name: &ObjectName) {
    if builder.catalog.complete {
        if !drop.if_exists {
            builder.missing(what, name);
        }
    } else {
        builder.lock(name, AE);
    }
}

/// A table, with everything that goes or is touched with it.
fn relation(
    builder: &mut Builder<'_>,
    drop: &Drop,
    name: &ObjectName,
    named: &BTreeSet<ObjectName>,
) {
    let catalog = builder.catalog;
    let Some(table) = catalog.tables.get(name) else {
        missing(builder, drop, "table", name);
        return;
    };
    one_table(builder, table, drop.behavior, named);
    let partitioned = table.kind == TableKind::Partitioned;
    for child in catalog.family(name).into_iter().skip(1) {
        if !partitioned && drop.behavior == DropBehavior::Restrict && !named.contains(&child.name) {
            builder.fail(format!("{} inherits from it", child.name.short()));
            continue;
        }
        one_table(builder, child, drop.behavior, named);
    }
    for parent in &table.parents {
        let Some(parent) = catalog.tables.get(parent) else {
            continue;
        };
        if parent.kind == TableKind::Partitioned {
            builder.lock(&parent.name, AE);
            if let Some(default) = default_partition(builder, parent) {
                builder.lock(&default.name, AE);
            }
        }
    }
}

fn one_table(
    builder: &mut Builder<'_>,
    table: &Table,
    behavior: DropBehavior,
    named: &BTreeSet<ObjectName>,
) {
    let catalog = builder.catalog;
    builder.lock(&table.name, AE);
    builder.lock_indexes(table, AE);
    for sequence in owned_sequences(catalog, &table.name, None) {
        builder.lock(&sequence, AE);
    }
    for constraint in &table.constraints {
        // A partition's own copy of a foreign key goes without the other side.
        let copied = table.parents.iter().any(|parent| {
            catalog.tables.get(parent).is_some_and(|parent| {
                parent.kind == TableKind::Partitioned
                    && !named.contains(&parent.name)
                    && parent
                        .constraints
                        .iter()
                        .any(|other| other.kind == constraint.kind)
            })
        });
        if let Some(peer) = referenced(constraint)
            && !copied
        {
            builder.lock_partitions(peer, AE);
        }
    }
    for (child, constraint) in builder.inbound(&table.name, None) {
        if named.contains(&child.name) || child.name == table.name {
            continue;
        }
        match behavior {
            DropBehavior::Cascade => builder.lock_partitions(&child.name, AE),
            DropBehavior::Restrict => builder.fail(format!(
                "foreign key {} of {} references it",
                constraint.name,
                child.name.short()
            )),
        }
    }
    part_of_referenced(builder, table, behavior, named);
    drop_views(builder, &table.name, None, behavior);
}

/// A foreign key to a partitioned table leans on each partition.
fn part_of_referenced(
    builder: &mut Builder<'_>,
    table: &Table,
    behavior: DropBehavior,
    named: &BTreeSet<ObjectName>,
) {
    let catalog = builder.catalog;
    for parent in &table.parents {
        let partitioned = catalog
            .tables
            .get(parent)
            .is_some_and(|parent| parent.kind == TableKind::Partitioned);
        if !partitioned || named.contains(parent) {
            continue;
        }
        for (child, constraint) in builder.inbound(parent, None) {
            match behavior {
                DropBehavior::Cascade => builder.lock_partitions(&child.name, AE),
                DropBehavior::Restrict => builder.fail(format!(
                    "foreign key {} of {} references {}",
                    constraint.name,
                    child.name.short(),
                    parent.short()
                )),
            }
        }
    }
}

fn index(builder: &mut Builder<'_>, drop: &Drop, name: &ObjectName) {
    let catalog = builder.catalog;
    let mode = if drop.concurrently {
        builder.effects.outside_transaction = true;
        LockMode::ShareUpdateExclusive
    } else {
        AE
    };
    let Some((table, index)) = catalog.index(name) else {
        if catalog.complete {
            if !drop.if_exists {
                builder.missing("index", name);
            }
        } else {
            // Its table is locked too, but nobody knows which.
            builder.lock(name, mode);
            builder.effects.waits_for_snapshots = drop.concurrently;
            builder.effects.unknown = true;
        }
        return;
    };
    builder.effects.waits_for_snapshots = drop.concurrently;
    if let Some(constraint) = &index.constraint {
        builder.fail(format!("constraint {constraint} needs it"));
    }
    if index.parent.is_some() {
        builder.fail("it is part of the index of the partitioned table".to_owned());
    }
    builder.lock(name, mode);
    if table.kind == TableKind::Partitioned {
        if drop.concurrently {
            builder.fail("CONCURRENTLY is refused on a partitioned table".to_owned());
        }
        builder.lock_family(&table.name, mode);
        lock_index_parts(builder, &index_name(table, index));
    } else {
        builder.lock(&table.name, mode);
    }
    if index.unique {
        needed_by_foreign_keys(builder, drop, table, index);
    }
}

/// Foreign keys that lean on a unique index go with it, or stop it.
fn needed_by_foreign_keys(builder: &mut Builder<'_>, drop: &Drop, table: &Table, index: &Index) {
    let columns = |index: &Index| -> Option<BTreeSet<Ident>> {
        let keys = index.keys.iter().map(|key| key.column.clone());
        keys.collect::<Option<_>>()
            .filter(|_| index.unique && index.predicate.is_none())
    };
    let Some(own) = columns(index) else { return };
    // With a second index on the same columns it is not known which one is meant.
    let others = table
        .indexes
        .iter()
        .any(|other| other.name != index.name && columns(other).as_ref() == Some(&own));
    for (child, constraint) in builder.inbound(&table.name, None) {
        let ConstraintKind::ForeignKey {
            referenced_columns, ..
        } = &constraint.kind
        else {
            continue;
        };
        if referenced_columns.iter().cloned().collect::<BTreeSet<_>>() != own {
            continue;
        }
        match drop.behavior {
            DropBehavior::Cascade => builder.lock_partitions(&child.name, AE),
            DropBehavior::Restrict if others => {}
            DropBehavior::Restrict => builder.fail(format!(
                "foreign key {} of {} needs it",
                constraint.name,
                child.name.short()
            )),
        }
    }
}

/// Tables with a default that takes from the sequence.
fn defaults_from(builder: &mut Builder<'_>, sequence: &ObjectName, behavior: DropBehavior) {
    let catalog = builder.catalog;
    let mentions = |text: &str| text.contains("nextval") && text.contains(sequence.name.as_str());
    for table in catalog.tables.values() {
        let uses = table
            .columns
            .iter()
            .any(|column| column.default.as_deref().is_some_and(mentions));
        if !uses {
            continue;
        }
        match behavior {
            DropBehavior::Cascade => builder.lock(&table.name, AE),
            DropBehavior::Restrict => {
                builder.fail(format!("a default of {} uses it", table.name.short()));
            }
        }
    }
}

/// Tables with a column of the type.
fn of_type(builder: &mut Builder<'_>, name: &QualifiedName, behavior: DropBehavior) {
    let catalog = builder.catalog;
    let name = types::user_type_name(name, catalog);
    let gone: Vec<String> = match behavior {
        DropBehavior::Cascade => with_domains_over(catalog, &name),
        DropBehavior::Restrict => vec![name],
    }
    .iter()
    .map(ToString::to_string)
    .collect();
    for table in catalog.tables.values() {
        let uses = |ty: &str| {
            let ty = ty.strip_suffix("[]").unwrap_or(ty);
            gone.iter().any(|gone| gone == ty)
        };
        for column in table.columns.iter().filter(|column| uses(&column.ty)) {
            match behavior {
                DropBehavior::Cascade => {
                    builder.lock_family(&table.name, AE);
                    let family = catalog.family(&table.name);
                    with_column(builder, &family, &column.name);
                    drop_views(builder, &table.name, Some(&column.name), behavior);
                }
                DropBehavior::Restrict => {
                    builder.fail(format!("a column of {} has this type", table.name.short()));
                }
            }
        }
    }
}

fn whole_schema(builder: &mut Builder<'_>, schema: &QualifiedName, behavior: DropBehavior) {
    let catalog = builder.catalog;
    let inside = |name: &ObjectName| name.schema == schema.name;
    let tables: BTreeSet<ObjectName> = catalog
        .tables
        .keys()
        .filter(|n| inside(n))
        .cloned()
        .collect();
    let others: Vec<&ObjectName> = catalog
        .views
        .keys()
        .chain(catalog.sequences.keys())
        .filter(|name| inside(name))
        .collect();
    match behavior {
        DropBehavior::Restrict => {
            if !tables.is_empty() || !others.is_empty() {
                builder.fail(format!("schema {} is not empty", schema.name));
            }
        }
        DropBehavior::Cascade => {
            for name in others {
                builder.lock(name, AE);
            }
            for name in &tables {
                if let Some(table) = catalog.tables.get(name) {
                    one_table(builder, table, DropBehavior::Cascade, &tables);
                }
            }
            // Functions and types in it may be used by tables outside it.
            builder.effects.unknown =
                catalog.functions.keys().any(&inside) || catalog.types.keys().any(&inside);
        }
    }
}
