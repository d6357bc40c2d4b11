//! Subcommands of ALTER TABLE on one column.

use crate::{
    catalog::{
        Column, ConstraintKind, Index, PgVersion, Table, TableKind, TypeChange, Volatility, change,
        domain, types, volatility,
    },
    effects::{
        LockMode,
        alter::{Altered, owned_sequences},
        builder::{Builder, index_name, referenced, storing},
        constraint, refusal,
    },
    ident::{Ident, ObjectName, QualifiedName},
    parse::{
        Expr, serial_type,
        statement::{
            ColumnAction, ColumnConstraintKind, ColumnDef, DataType, DropBehavior, SequenceOption,
        },
    },
};

const AE: LockMode = LockMode::AccessExclusive;

/// `ADD COLUMN`.
pub(super) fn add(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    if_not_exists: bool,
    column: &ColumnDef,
) {
    let catalog = builder.catalog;
    if altered
        .table
        .is_some_and(|table| table.column(&column.name).is_some())
        && !altered.dropped_columns.contains(&&column.name)
    {
        if !if_not_exists {
            builder.fail(format!(
                "{} already has a column {}",
                altered.name.short(),
                column.name
            ));
        }
        return;
    }
    if let Some(table) = altered.table {
        if table.partition_bound.is_some() {
            builder.fail(format!(
                "{} is a partition: it has the columns of the table that it is part of",
                altered.name.short()
            ));
        } else if altered.only && !table.children.is_empty() {
            builder.fail(format!(
                "{} has partitions or children, which must get the column too: without ONLY",
                altered.name.short()
            ));
        }
    }
    if !altered.only {
        builder.lock_family(&altered.name, altered.mode);
    }
    let filled = new_value(builder, column);
    if filled == NewValue::PerRow {
        for table in storing(catalog, &altered.name) {
            builder.rewrite(&table, "to write the new column into every row");
        }
    }
    let shown = &column.name;
    let mut verify = None;
    for constraint in &column.constraints {
        match &constraint.kind {
            // A stored default satisfies it once for all rows.
            ColumnConstraintKind::NotNull => match filled {
                NewValue::Null => {
                    verify = Some(format!("to prove that {shown} is not NULL in any row"));
                    refuse_null_in_rows(builder, altered, shown);
                }
                NewValue::Computed => {
                    verify = Some(format!("to prove that {shown} is not NULL in any row"));
                }
                NewValue::Constant | NewValue::PerRow => {}
            },
            ColumnConstraintKind::Check(_) => {
                if constraint.attributes.enforced != Some(false) {
                    verify = Some(format!("to check the new constraint on {shown}"));
                }
            }
            ColumnConstraintKind::PrimaryKey => {
                if filled == NewValue::Null {
                    refuse_null_in_rows(builder, altered, shown);
                }
                verify = Some(format!("to build the primary key's index on {shown}"));
            }
            ColumnConstraintKind::Unique { .. } => {
                verify = Some(format!("to build the unique index on {shown}"));
            }
            ColumnConstraintKind::References(references) => {
                let peer = catalog.resolve(&references.table);
                builder.lock_partitions(&peer, LockMode::ShareRowExclusive);
                // A column that is NULL in every row needs no look at them.
                if filled != NewValue::Null && constraint.attributes.enforced != Some(false) {
                    constraint::scan_foreign_key(builder, altered, &peer);
                }
            }
            ColumnConstraintKind::Null
            | ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => {}
        }
    }
    if let Some(purpose) = verify {
        builder.scan_family(&altered.name, AE, &purpose);
    }
}

/// The value a new column has in rows that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewValue {
    /// NULL: nothing to store.
    Null,
    /// One value for all rows, kept in the catalog.
    Constant,
    /// Another for each row, or one that must be checked: the rows are written anew.
    PerRow,
    /// Whatever the expression of a virtual column gives when it is read: nothing to store.
    Computed,
}

fn new_value(builder: &Builder<'_>, column: &ColumnDef) -> NewValue {
    let catalog = builder.catalog;
    if serial_type(&column.ty).is_some() {
        return NewValue::PerRow;
    }
    let domain = domain(&types::canonical(&column.ty, catalog), catalog);
    if domain.as_ref().is_some_and(|domain| domain.constrained) {
        return NewValue::PerRow;
    }
    let mut value = match domain.and_then(|domain| domain.default) {
        None => NewValue::Null,
        // The default of a domain is kept as text; a call in it could be volatile.
        Some(text) if text.contains('(') => NewValue::PerRow,
        Some(_) => NewValue::Constant,
    };
    for constraint in &column.constraints {
        match &constraint.kind {
            ColumnConstraintKind::Default(expr) => {
                value = if expr.is_null() {
                    NewValue::Null
                } else if volatility(expr, catalog) == Volatility::Volatile {
                    NewValue::PerRow
                } else {
                    NewValue::Constant
                };
            }
            ColumnConstraintKind::Identity { .. }
            | ColumnConstraintKind::Generated { stored: true, .. } => return NewValue::PerRow,
            ColumnConstraintKind::Generated { stored: false, .. } => value = NewValue::Computed,
            ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Check(_)
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::References(_) => {}
        }
    }
    value
}

fn refuse_null_in_rows(builder: &mut Builder<'_>, altered: &Altered<'_>, column: &Ident) {
    let has_rows = altered
        .table
        .and_then(|table| table.size)
        .is_some_and(|size| size.rows > 0);
    if has_rows {
        builder.fail(format!(
            "column {column} of {} would be NULL in the rows that are there",
            altered.name.short()
        ));
    }
}

/// `DROP COLUMN`.
pub(super) fn drop(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    if_exists: bool,
    column: &Ident,
    behavior: DropBehavior,
) {
    let catalog = builder.catalog;
    let Some(table) = altered.table else { return };
    if table.column(column).is_none() {
        if catalog.complete {
            if !if_exists {
                builder.fail(format!("{} has no column {column}", altered.name.short()));
            }
        } else if !altered.only {
            builder.lock_family(&altered.name, AE);
        }
        return;
    }
    if table.partition_columns.contains(column) {
        builder.fail(format!("{column} is in the partition key"));
    }
    if table.column(column).is_some_and(|column| column.inherited) {
        builder.fail(format!("column {column} is inherited"));
    }
    if altered.only && table.partition_key.is_some() && !table.children.is_empty() {
        builder.fail(format!(
            "{} has partitions, which must lose the column too: without ONLY",
            altered.name.short()
        ));
    }
    if altered.only {
        builder.lock(&altered.name, AE);
        // The column becomes their own.
        for child in &table.children {
            builder.lock(child, AE);
        }
    } else {
        builder.lock_family(&altered.name, AE);
    }
    let family: Vec<&Table> = if altered.only {
        vec![table]
    } else {
        catalog.family(&altered.name)
    };
    if behavior == DropBehavior::Restrict {
        refusal::drop_column(builder, table, column);
    }
    with_column(builder, &family, column);
    for computed in table.columns.iter().filter(|other| {
        let generated = other.generated.as_ref();
        generated.is_some_and(|generated| generated.columns.contains(column))
            && !altered.dropped_columns.contains(&&other.name)
    }) {
        match behavior {
            DropBehavior::Cascade => with_column(builder, &family, &computed.name),
            DropBehavior::Restrict => {
                builder.fail(format!("generated column {} uses {column}", computed.name));
            }
        }
    }
    for (child, _) in builder.inbound(&altered.name, Some(std::slice::from_ref(column))) {
        if child.name == altered.name {
            continue;
        }
        match behavior {
            DropBehavior::Cascade => builder.lock_partitions(&child.name, AE),
            DropBehavior::Restrict => builder.fail(format!(
                "a foreign key of {} references {column}",
                child.name.short()
            )),
        }
    }
    drop_views(builder, &altered.name, Some(column), behavior);
}

/// What goes with a column: indexes, foreign keys and sequences.
pub(super) fn with_column(builder: &mut Builder<'_>, family: &[&Table], column: &Ident) {
    let catalog = builder.catalog;
    for table in family {
        for index in table
            .indexes
            .iter()
            .filter(|index| index.names_column(column))
        {
            builder.lock_index(table, index, AE);
        }
        for constraint in &table.constraints {
            if let Some(peer) = referenced(constraint)
                && constraint.columns().contains(column)
            {
                builder.lock_partitions(peer, AE);
            }
        }
        for sequence in owned_sequences(catalog, &table.name, Some(column)) {
            builder.lock(&sequence, AE);
        }
    }
}

/// Views that read a relation go with it, or stop it from going.
pub(super) fn drop_views(
    builder: &mut Builder<'_>,
    relation: &ObjectName,
    column: Option<&Ident>,
    behavior: DropBehavior,
) {
    let mut todo: Vec<(ObjectName, Option<Ident>)> = vec![(relation.clone(), column.cloned())];
    let mut seen = Vec::new();
    while let Some((relation, column)) = todo.pop() {
        for view in builder.catalog.views_reading(&relation, column.as_ref()) {
            match behavior {
                DropBehavior::Restrict => {
                    builder.fail(format!("view {} depends on it", view.name.short()));
                    return;
                }
                DropBehavior::Cascade => {
                    builder.lock(&view.name, AE);
                    if let Some(stored) = builder.catalog.tables.get(&view.name) {
                        builder.lock_indexes(stored, AE);
                    }
                    if !seen.contains(&view.name) {
                        seen.push(view.name.clone());
                        todo.push((view.name.clone(), None));
                    }
                }
            }
        }
    }
}

/// `ALTER COLUMN`.
pub(super) fn alter(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    name: &Ident,
    action: &ColumnAction,
) {
    let catalog = builder.catalog;
    let column = altered.table.and_then(|table| table.column(name));
    // Code that builds its statements may have made it.
    if altered.table.is_some() && column.is_none() && catalog.complete {
        builder.fail(format!("{} has no column {name}", altered.name.short()));
        return;
    }
    if matches!(action, ColumnAction::SetDefault(_)) {
        refusal::set_default(builder, altered, name);
    }
    match action {
        ColumnAction::SetDefault(_)
        | ColumnAction::DropDefault
        | ColumnAction::SetStatistics(_)
        | ColumnAction::SetStorage(_)
        | ColumnAction::DropExpression { .. } => {
            if !altered.only {
                builder.lock_family(&altered.name, altered.mode);
            }
        }
        ColumnAction::SetOptions(_)
        | ColumnAction::ResetOptions(_)
        | ColumnAction::SetCompression(_) => {}
        ColumnAction::AddIdentity { .. } => {
            refusal::add_identity(builder, altered, name);
            lock_partitions(builder, altered);
        }
        ColumnAction::DropNotNull => {
            refusal::drop_not_null(builder, altered, name);
            // From 18 on there is a constraint to drop, in the children too, or nothing to do.
            let nothing_to_drop = catalog.version >= PgVersion::V18
                && column
                    .is_some_and(|column| !column.not_null && column.not_null_constraint.is_none());
            if !altered.only && !nothing_to_drop {
                builder.lock_family(&altered.name, altered.mode);
            }
        }
        ColumnAction::SetNotNull => set_not_null(builder, altered, name),
        ColumnAction::Type {
            ty,
            collation,
            using,
        } => set_type(
            builder,
            altered,
            name,
            &NewType {
                ty,
                collation: collation.as_ref(),
                using: using.as_ref(),
            },
        ),
        ColumnAction::SetIdentity { options, .. } => {
            lock_partitions(builder, altered);
            let restarts = options
                .iter()
                .any(|option| matches!(option, SequenceOption::Restart(_)));
            for sequence in owned_sequences(catalog, &altered.name, Some(name)) {
                builder.lock(&sequence, LockMode::ShareRowExclusive);
                if restarts {
                    builder.effects.rewrites.push(sequence);
                }
            }
        }
        ColumnAction::DropIdentity { .. } => {
            lock_partitions(builder, altered);
            for sequence in owned_sequences(catalog, &altered.name, Some(name)) {
                builder.lock(&sequence, AE);
            }
        }
        ColumnAction::SetExpression(_) => {
            if catalog.version < PgVersion::V17 {
                builder.fail("SET EXPRESSION came with PostgreSQL 17".to_owned());
                return;
            }
            if !altered.only {
                builder.lock_family(&altered.name, altered.mode);
            }
            refusal::set_expression(builder, altered, name);
            let stored = column
                .and_then(|column| column.generated.as_ref())
                .is_none_or(|generated| generated.stored);
            if stored {
                for table in storing(catalog, &altered.name) {
                    builder.rewrite(&table, "to compute the column in every row");
                }
                rebuild_dependents(builder, altered, name, IndexFate::BuiltAnew);
            }
        }
    }
}

/// From 17 on, partitions share the identity columns of their table.
fn lock_partitions(builder: &mut Builder<'_>, altered: &Altered<'_>) {
    let partitioned = altered
        .table
        .is_some_and(|table| table.kind == TableKind::Partitioned);
    if partitioned && builder.catalog.version >= PgVersion::V17 {
        builder.lock_family(&altered.name, altered.mode);
    }
}

/// `SET NOT NULL`, also as part of a primary key.
pub(super) fn set_not_null(builder: &mut Builder<'_>, altered: &Altered<'_>, name: &Ident) {
    let catalog = builder.catalog;
    let already = |table: &Table| {
        table.column(name).is_some_and(|column| {
            column.not_null
                && column
                    .not_null_constraint
                    .as_ref()
                    .is_none_or(|(_, validated)| *validated)
        })
    };
    // The children of a column that is NOT NULL are not looked at again.
    let done = altered.table.is_some_and(already);
    if !altered.only && !done {
        builder.lock_family(&altered.name, altered.mode);
    }
    let purpose = format!("to prove that {name} is not NULL in any row");
    let family = if altered.only {
        catalog.tables.get(&altered.name).into_iter().collect()
    } else {
        catalog.family(&altered.name)
    };
    if family.is_empty() {
        builder.scan(&altered.name, altered.mode, &purpose);
    }
    if done {
        return;
    }
    for table in family {
        if table.has_storage()
            && !already(table)
            && !constraint::proves_not_null(table, name, &altered.dropped)
        {
            builder.scan(&table.name, altered.mode, &purpose);
        }
    }
}

struct NewType<'a> {
    ty: &'a DataType,
    collation: Option<&'a QualifiedName>,
    using: Option<&'a Expr>,
}

fn set_type(builder: &mut Builder<'_>, altered: &Altered<'_>, name: &Ident, new: &NewType<'_>) {
    let catalog = builder.catalog;
    if !altered.only {
        builder.lock_family(&altered.name, altered.mode);
    }
    let Some(table) = altered.table else {
        builder.rewrite(&altered.name, "to write every row with the new type");
        return;
    };
    let Some(column) = table.column(name) else {
        for table in storing(catalog, &altered.name) {
            builder.rewrite(&table, "to write every row with the new type");
        }
        return;
    };
    refuse_type_change(builder, table, column);
    if altered.only && !table.children.is_empty() {
        builder.fail(format!(
            "{} has partitions or children, whose column must change too: without ONLY",
            altered.name.short()
        ));
    }
    let to = types::canonical(new.ty, catalog);
    let stored = column.generated.as_ref().is_none_or(|one| one.stored);
    let computed = new
        .using
        .is_some_and(|using| !is_the_column(using, name, &to, catalog));
    let kind = if computed {
        TypeChange::Rewrite
    } else {
        change(&column.ty, &to, catalog)
    };
    let collation = new.collation.map(types::collation);
    let same_collation =
        collation == column.collation || (collation.is_none() && column.collation.is_none());
    let fate = match kind {
        TypeChange::Same | TypeChange::Free if same_collation => IndexFate::Kept,
        TypeChange::Same | TypeChange::Free | TypeChange::FreeButIndexes | TypeChange::Rewrite => {
            IndexFate::BuiltAnew
        }
    };
    if kind == TypeChange::Rewrite && stored {
        for table in storing(catalog, &altered.name) {
            builder.rewrite(&table, "to write every row with the new type");
        }
    }
    if column.identity.is_some() && kind != TypeChange::Same {
        for sequence in owned_sequences(catalog, &altered.name, Some(name)) {
            builder.lock(&sequence, LockMode::ShareRowExclusive);
            builder.effects.rewrites.push(sequence);
        }
    }
    rebuild_dependents(builder, altered, name, fate);
}

/// What is known to stop ALTER COLUMN TYPE.
fn refuse_type_change(builder: &mut Builder<'_>, table: &Table, column: &Column) {
    let name = &column.name;
    let catalog = builder.catalog;
    if column.inherited {
        builder.fail(format!("column {name} is inherited"));
    }
    if table.partition_columns.contains(name) {
        builder.fail(format!("{name} is in the partition key"));
    }
    if let Some(view) = catalog.views_reading(&table.name, Some(name)).first() {
        builder.fail(format!("view {} uses column {name}", view.name.short()));
    }
    if let Some(policy) = table.policies.iter().find(|p| p.columns.contains(name)) {
        builder.fail(format!("policy {} uses column {name}", policy.name));
    }
    if let Some(trigger) = table
        .triggers
        .iter()
        .find(|t| t.columns.contains(name) || t.when_columns.contains(name))
    {
        builder.fail(format!("trigger {} uses column {name}", trigger.name));
    }
    let generated = table.columns.iter().find(|other| {
        other
            .generated
            .as_ref()
            .is_some_and(|generated| generated.columns.contains(name))
    });
    if let Some(other) = generated {
        builder.fail(format!(
            "generated column {} uses column {name}",
            other.name
        ));
    }
}

/// Whether a USING expression is nothing but the column, or the column cast to the new type.
fn is_the_column(using: &Expr, name: &Ident, to: &str, catalog: &crate::catalog::Catalog) -> bool {
    let text = using.text.trim();
    let bare = |text: &str| {
        let text = text.trim().trim_matches(|c| c == '(' || c == ')').trim();
        text.eq_ignore_ascii_case(name.as_str())
            || text == format!("\"{name}\"")
            || text == name.quoted()
    };
    if using.columns.len() != 1 || !using.functions.is_empty() || using.columns[0].name != *name {
        return false;
    }
    if bare(text) {
        return true;
    }
    let Some((column, cast)) = text.split_once("::") else {
        return false;
    };
    // The cast is explicit: where it means the same type, it is the coercion that would be
    // added anyway.
    let cast = cast.trim().to_ascii_lowercase();
    bare(column) && (cast == to || types::spelled(&cast, catalog).as_deref() == Some(to))
}

/// What becomes of the indexes on a column whose type changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IndexFate {
    Kept,
    BuiltAnew,
}

/// Indexes and constraints on the column are dropped and made again (`ATPostAlterTypeCleanup`).
fn rebuild_dependents(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    name: &Ident,
    fate: IndexFate,
) {
    let catalog = builder.catalog;
    for table in catalog.family(&altered.name) {
        for index in table
            .indexes
            .iter()
            .filter(|index| index.names_column(name))
        {
            builder.lock_index(table, index, AE);
            if index_is_rebuilt(index, fate) && table.has_storage() {
                builder.effects.rewrites.push(index_name(table, index));
                builder.scan(
                    &table.name,
                    AE,
                    &format!("to build index {} anew", index.name),
                );
            }
        }
        for constraint in &table.constraints {
            if !constraint.columns().contains(name) {
                continue;
            }
            match &constraint.kind {
                ConstraintKind::Check { .. } => {
                    if constraint.validated && table.has_storage() {
                        builder.scan(
                            &table.name,
                            AE,
                            &format!("to check constraint {} again", constraint.name),
                        );
                    }
                }
                ConstraintKind::ForeignKey { references, .. } => {
                    builder.lock_partitions(references, AE);
                    if fate == IndexFate::BuiltAnew && constraint.validated {
                        let purpose = format!("to check foreign key {} again", constraint.name);
                        builder.scan_partitions(&table.name, AE, &purpose);
                        builder.scan_partitions(references, AE, &purpose);
                    }
                }
                ConstraintKind::Unique { .. }
                | ConstraintKind::PrimaryKey { .. }
                | ConstraintKind::Exclude { .. }
                | ConstraintKind::Other => {}
            }
        }
    }
    for (child, constraint) in builder.inbound(&altered.name, Some(std::slice::from_ref(name))) {
        builder.lock_partitions(&child.name, AE);
        if fate == IndexFate::BuiltAnew && constraint.validated {
            let purpose = format!("to check foreign key {} again", constraint.name);
            builder.scan_partitions(&child.name, AE, &purpose);
            builder.scan_partitions(&altered.name, AE, &purpose);
        }
    }
}

/// An index with expressions or a predicate is never reused (`CheckIndexCompatible`).
fn index_is_rebuilt(index: &Index, fate: IndexFate) -> bool {
    fate == IndexFate::BuiltAnew
        || index.predicate.is_some()
        || index.keys.iter().any(|key| key.column.is_none())
}
