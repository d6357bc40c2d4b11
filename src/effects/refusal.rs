//! What the server refuses about constraints and columns, as far as the catalog shows it.
//!
//! Only what is certain is said: a catalog that is not complete says nothing.

use std::collections::BTreeSet;

use crate::{
    catalog::{Catalog, ConstraintKind, Index, PgVersion, Table, TableKind},
    effects::{alter::Altered, builder::Builder},
    ident::{Ident, ObjectName},
    parse::statement::{ConstraintAttributes, Key, References, TableConstraintKind as Added},
};

/// A foreign key to columns that no key covers, or from a table that must not have it.
pub(super) fn foreign_key(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    references: &References,
    peer: &ObjectName,
) {
    let catalog = builder.catalog;
    if catalog.views.contains_key(peer) && !catalog.tables.contains_key(peer) {
        builder.fail(format!("{} is not a table", peer.short()));
    }
    let (Some(table), Some(parent)) = (altered.table, catalog.tables.get(peer)) else {
        return;
    };
    if altered.only && table.kind == TableKind::Partitioned {
        builder.fail("ONLY is refused for a foreign key of a partitioned table".to_owned());
    }
    if table.permanent && !parent.permanent {
        builder.fail(format!(
            "{} is unlogged, and {} is not",
            peer.short(),
            altered.name.short()
        ));
    }
    // The same statement may add the key.
    let adds_key = altered
        .added
        .iter()
        .any(|one| matches!(one.kind, Added::Key(_) | Added::KeyUsingIndex { .. }));
    if catalog.complete && !(adds_key && *peer == altered.name) {
        unmatched_key(builder, parent, references);
    }
}

fn unmatched_key(builder: &mut Builder<'_>, parent: &Table, references: &References) {
    let key = parent.primary_key();
    if references.columns.is_empty() {
        if key.is_none() {
            builder.fail(format!("{} has no primary key", parent.name.short()));
        }
        return;
    }
    let wanted: BTreeSet<&Ident> = references.columns.iter().collect();
    let fits = |index: &&Index| {
        let columns: Option<BTreeSet<&Ident>> =
            index.keys.iter().map(|key| key.column.as_ref()).collect();
        index.unique && index.predicate.is_none() && columns.as_ref() == Some(&wanted)
    };
    let found: Vec<&Index> = parent.indexes.iter().filter(fits).collect();
    // Keys with a PERIOD are not unique indexes.
    let temporal = parent.constraints.iter().any(|one| {
        one.definition
            .to_ascii_uppercase()
            .contains("WITHOUT OVERLAPS")
    });
    if found.is_empty() && !temporal {
        let columns: Vec<&str> = references.columns.iter().map(Ident::as_str).collect();
        builder.fail(format!(
            "no unique constraint of {} is on {}",
            parent.name.short(),
            columns.join(", ")
        ));
        return;
    }
    let at_once = |index: &&Index| {
        let constraint = index.constraint.as_ref();
        !constraint
            .and_then(|name| parent.constraint(name))
            .is_some_and(|constraint| constraint.deferrable)
    };
    if !found.is_empty() && !found.iter().any(at_once) {
        builder.fail(format!(
            "the unique constraint of {} is deferrable, and no foreign key can lean on it",
            parent.name.short()
        ));
    }
}

/// A second primary key, a key over a virtual column, and one of a partitioned table that leaves
/// its partition key out.
pub(super) fn key(builder: &mut Builder<'_>, altered: &Altered<'_>, key: &Key) {
    let Some(table) = altered.table else { return };
    if key.primary {
        second_primary_key(builder, altered);
    }
    missing_columns(builder, altered, &key.columns);
    if let Some(column) = key.columns.iter().find(|column| is_virtual(table, column)) {
        builder.fail(format!("column {column} is virtual, and cannot be indexed"));
    }
    outside_partition_key(builder, table, &key.columns);
}

/// Columns that neither the table has nor the statement may add.
pub(super) fn missing_columns(builder: &mut Builder<'_>, altered: &Altered<'_>, columns: &[Ident]) {
    let Some(table) = altered.table.filter(|_| builder.catalog.complete) else {
        return;
    };
    let missing = columns
        .iter()
        .find(|column| table.column(column).is_none() && !altered.added_columns.contains(column));
    if let Some(missing) = missing {
        builder.fail(format!("{} has no column {missing}", altered.name.short()));
    }
}

/// A new name that is taken.
pub(super) fn taken_column(builder: &mut Builder<'_>, altered: &Altered<'_>, to: &Ident) {
    let taken = altered
        .table
        .is_some_and(|table| table.column(to).is_some());
    if taken {
        builder.fail(format!(
            "{} already has a column {to}",
            altered.name.short()
        ));
    }
}

/// Whether it keeps two columns in step for a migration in flight, which takes it away before
/// anything that waits for that migration runs (INTERFACES §6).
fn is_sync_trigger(name: &Ident) -> bool {
    ["!000_zdm_", "zzzz_zdm_"]
        .iter()
        .any(|prefix| name.as_str().starts_with(prefix))
}

/// What keeps a column that CASCADE would take along.
pub(super) fn drop_column(builder: &mut Builder<'_>, table: &Table, column: &Ident) {
    if let Some(trigger) = table
        .triggers
        .iter()
        .filter(|one| !is_sync_trigger(&one.name))
        .find(|one| one.columns.contains(column) || one.when_columns.contains(column))
    {
        builder.fail(format!("trigger {} uses column {column}", trigger.name));
    }
    if let Some(policy) = table
        .policies
        .iter()
        .find(|one| one.columns.contains(column))
    {
        builder.fail(format!("policy {} uses column {column}", policy.name));
    }
}

/// `ADD GENERATED … AS IDENTITY` of a column that can be NULL or has a value of its own.
pub(super) fn add_identity(builder: &mut Builder<'_>, altered: &Altered<'_>, column: &Ident) {
    let Some(known) = altered.table.and_then(|table| table.column(column)) else {
        return;
    };
    if known.identity.is_some() {
        builder.fail(format!("column {column} is an identity column already"));
    } else if known.default.is_some() && !altered.drops_default(column) {
        builder.fail(format!("column {column} has a default"));
    } else if !known.not_null && !altered.sets_not_null(column) {
        builder.fail(format!("column {column} must be NOT NULL first"));
    }
}

/// SET DEFAULT of a column that gets its values otherwise.
pub(super) fn set_default(builder: &mut Builder<'_>, altered: &Altered<'_>, column: &Ident) {
    let Some(known) = altered.table.and_then(|table| table.column(column)) else {
        return;
    };
    if known.identity.is_some() {
        builder.fail(format!("column {column} is an identity column"));
    } else if known.generated.is_some() {
        builder.fail(format!("column {column} is a generated column"));
    }
}

fn second_primary_key(builder: &mut Builder<'_>, altered: &Altered<'_>) {
    let known = altered.table.and_then(Table::primary_key);
    if known.is_some_and(|known| !altered.dropped.contains(&known.name)) {
        builder.fail(format!(
            "{} has a primary key already",
            altered.name.short()
        ));
    }
}

/// A unique index of a partitioned table must have the columns of the partition key.
pub(super) fn outside_partition_key(builder: &mut Builder<'_>, table: &Table, columns: &[Ident]) {
    let missing = table
        .partition_columns
        .iter()
        .find(|column| !columns.contains(column));
    if table.kind == TableKind::Partitioned
        && let Some(missing) = missing
    {
        builder.fail(format!(
            "a unique index of a partitioned table must have its partition key in it: {missing}"
        ));
    }
}

/// Whether it is a generated column that is not stored.
pub(super) fn is_virtual(table: &Table, column: &Ident) -> bool {
    let generated = table.column(column).and_then(|one| one.generated.as_ref());
    generated.is_some_and(|generated| !generated.stored)
}

/// An index that cannot become a constraint's.
pub(super) fn key_using_index(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    index: &Index,
    primary: bool,
) {
    let name = &index.name;
    if primary {
        second_primary_key(builder, altered);
    }
    if !index.unique {
        builder.fail(format!("index {name} is not unique"));
    } else if index.predicate.is_some() {
        builder.fail(format!("index {name} is partial"));
    } else if index.keys.iter().any(|key| key.column.is_none()) {
        builder.fail(format!("index {name} is over an expression"));
    } else if index.keys.iter().any(|key| key.own_order) {
        builder.fail(format!("index {name} has a sort order of its own"));
    } else if let Some(constraint) = &index.constraint {
        builder.fail(format!(
            "index {name} is that of constraint {constraint} already"
        ));
    }
}

/// NOT NULL by another name than the one it has.
pub(super) fn second_not_null(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    name: Option<&Ident>,
    column: &Ident,
) {
    let known = altered.table.and_then(|table| table.column(column));
    let known = known.and_then(|column| column.not_null_constraint.as_ref());
    if let (Some((known, _)), Some(name)) = (known, name)
        && known != name
        && !altered.dropped.contains(known)
    {
        builder.fail(format!(
            "column {column} has the NOT NULL constraint {known} already"
        ));
    }
}

/// `DROP NOT NULL` of what something else keeps from being NULL.
pub(super) fn drop_not_null(builder: &mut Builder<'_>, altered: &Altered<'_>, column: &Ident) {
    let Some(table) = altered.table else { return };
    let key = table.primary_key();
    if key.is_some_and(|key| key.columns().contains(column) && !altered.dropped.contains(&key.name))
    {
        builder.fail(format!("column {column} is in a primary key"));
    }
    let required_above = |parent: &ObjectName| {
        builder.catalog.tables.get(parent).is_some_and(|parent| {
            parent.kind == TableKind::Partitioned
                && parent.column(column).is_some_and(|column| column.not_null)
        })
    };
    if table.parents.iter().any(required_above) {
        builder.fail(format!(
            "column {column} is NOT NULL in the partitioned table"
        ));
    }
    if table
        .column(column)
        .is_some_and(|column| column.identity.is_some())
    {
        builder.fail(format!("column {column} is an identity column"));
    }
}

/// `ALTER CONSTRAINT` of what is no foreign key.
pub(super) fn alter_constraint(
    builder: &mut Builder<'_>,
    kind: &ConstraintKind,
    name: &Ident,
    attributes: ConstraintAttributes,
) {
    match kind {
        ConstraintKind::ForeignKey { .. } | ConstraintKind::Other => {}
        ConstraintKind::Check { .. } if attributes.enforced.is_some() => {
            builder.fail(format!(
                "{name} is no foreign key, and only those can be altered to be enforced or not"
            ));
        }
        ConstraintKind::Check { .. }
        | ConstraintKind::Unique { .. }
        | ConstraintKind::PrimaryKey { .. }
        | ConstraintKind::Exclude { .. } => {
            builder.fail(format!("constraint {name} is not a foreign key"));
        }
    }
}

/// A column that descendants have from elsewhere too, or whose children are left out.
pub(super) fn rename_column(builder: &mut Builder<'_>, altered: &Altered<'_>, column: &Ident) {
    let catalog: &Catalog = builder.catalog;
    let Some(table) = altered.table else { return };
    let inherited = table.column(column).is_some_and(|column| column.inherited);
    if inherited {
        builder.fail(format!("column {column} is inherited"));
    }
    let family = catalog.family(&altered.name);
    let names: BTreeSet<&ObjectName> = family.iter().map(|member| &member.name).collect();
    let from_elsewhere = family.iter().skip(1).find(|member| {
        member.parents.iter().any(|parent| {
            !names.contains(parent)
                && catalog
                    .tables
                    .get(parent)
                    .is_some_and(|parent| parent.column(column).is_some())
        })
    });
    if let Some(member) = from_elsewhere {
        builder.fail(format!(
            "{} inherits column {column} from another table too",
            member.name.short()
        ));
    }
}

/// `SET EXPRESSION` of a virtual column of a table with CHECK constraints.
pub(super) fn set_expression(builder: &mut Builder<'_>, altered: &Altered<'_>, column: &Ident) {
    let Some(table) = altered.table else { return };
    let checked = table
        .constraints
        .iter()
        .any(|constraint| matches!(constraint.kind, ConstraintKind::Check { .. }));
    if builder.catalog.version == PgVersion::V18 && is_virtual(table, column) && checked {
        builder.fail(format!(
            "column {column} is virtual, and {} has CHECK constraints",
            altered.name.short()
        ));
    }
}
