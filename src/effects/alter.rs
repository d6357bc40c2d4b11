//! ALTER TABLE and its relatives: which lock, on whom, and which family does each subcommand.
//!
//! All subcommands of one statement run under the strongest lock that any of them needs
//! (`AlterTableGetLockLevel` in `src/backend/commands/tablecmds.c`).

use crate::{
    catalog::{Catalog, ConstraintKind, PgVersion, Table, TableKind},
    effects::{
        Effects, LockMode,
        builder::{Builder, referenced},
        column, constraint, partition, refusal, utility,
    },
    ident::{Ident, ObjectName},
    parse::statement::{
        AlterAction, AlterActionKind, AlterRelation, ColumnAction, OptionValue, RelationKind,
        ReplicaIdentity, SequenceOption, TableConstraint, TableConstraintKind,
    },
};

/// One ALTER statement while its effects are found.
pub(super) struct Altered<'a> {
    pub(super) name: ObjectName,
    /// The table, when the catalog holds it.
    pub(super) table: Option<&'a Table>,
    /// `ONLY`.
    pub(super) only: bool,
    /// The lock under which all of it runs.
    pub(super) mode: LockMode,
    /// Constraints that this statement drops: they prove nothing.
    pub(super) dropped: Vec<Ident>,
    /// Columns that it drops, before it adds any.
    pub(super) dropped_columns: Vec<&'a Ident>,
    /// Constraints that it adds.
    pub(super) added: Vec<&'a TableConstraint>,
    /// Columns that it adds.
    pub(super) added_columns: Vec<&'a Ident>,
    /// All of its subcommands.
    pub(super) actions: &'a [AlterAction],
}

impl Altered<'_> {
    fn does(&self, column: &Ident, what: impl Fn(&ColumnAction) -> bool) -> bool {
        self.actions.iter().any(|action| match &action.kind {
            AlterActionKind::AlterColumn { name, action } => name == column && what(action),
            _ => false,
        })
    }

    /// Whether it drops the column's default.
    pub(super) fn drops_default(&self, column: &Ident) -> bool {
        self.does(column, |action| *action == ColumnAction::DropDefault)
    }

    /// Whether it makes the column NOT NULL.
    pub(super) fn sets_not_null(&self, column: &Ident) -> bool {
        self.does(column, |action| *action == ColumnAction::SetNotNull)
    }
}

/// The effects of these subcommands of the statement.
pub(super) fn effects(
    alter: &AlterRelation,
    actions: &[AlterAction],
    catalog: &Catalog,
) -> Effects {
    let name = catalog.resolve(&alter.name);
    let mut builder = Builder::new(catalog);
    let what = if catalog.tables.contains_key(&name) {
        What::Table
    } else if let Some((table, _)) = catalog.index(&name) {
        What::Index(table)
    } else if catalog.sequences.contains_key(&name) {
        What::Sequence
    } else if catalog.views.contains_key(&name) {
        What::View
    } else {
        if catalog.complete && alter.if_exists {
            return builder.done();
        }
        builder.missing("relation", &name);
        match alter.kind {
            RelationKind::Index => What::UnknownIndex,
            RelationKind::Sequence => What::Sequence,
            RelationKind::View => What::View,
            RelationKind::Table | RelationKind::MaterializedView | RelationKind::ForeignTable => {
                What::Table
            }
        }
    };
    match what {
        What::Table => alter_table(&mut builder, alter, actions, &name),
        // Said of an index, ALTER TABLE is as strong as of a table (`RangeVarCallbackForAlterRelation`
        // and `RenameRelation`).
        What::Index(_) if alter.kind == RelationKind::Table => {
            builder.lock(&name, LockMode::AccessExclusive);
        }
        What::Index(table) => {
            for action in actions {
                alter_index(&mut builder, &name, Some(table), &action.kind);
            }
        }
        What::UnknownIndex => {
            for action in actions {
                alter_index(&mut builder, &name, None, &action.kind);
            }
        }
        What::Sequence => {
            for action in actions {
                alter_sequence(&mut builder, &name, &action.kind);
            }
        }
        What::View => builder.lock(&name, LockMode::AccessExclusive),
    }
    builder.done()
}

/// What the altered relation is.
enum What<'a> {
    Table,
    /// An index, and its table.
    Index(&'a Table),
    UnknownIndex,
    Sequence,
    View,
}

fn alter_table<'a>(
    builder: &mut Builder<'a>,
    alter: &'a AlterRelation,
    actions: &[AlterAction],
    name: &ObjectName,
) {
    let mode = actions
        .iter()
        .map(|action| lock_level(&action.kind))
        .max()
        .unwrap_or(LockMode::AccessExclusive);
    let dropped = actions
        .iter()
        .filter_map(|action| match &action.kind {
            AlterActionKind::DropConstraint { name, .. } => Some(name.clone()),
            _ => None,
        })
        .collect();
    let dropped_columns = alter
        .actions
        .iter()
        .filter_map(|action| match &action.kind {
            AlterActionKind::DropColumn { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    let added = alter
        .actions
        .iter()
        .filter_map(|action| match &action.kind {
            AlterActionKind::AddConstraint(constraint) => Some(constraint.as_ref()),
            _ => None,
        })
        .collect();
    let added_columns = alter
        .actions
        .iter()
        .filter_map(|action| match &action.kind {
            AlterActionKind::AddColumn { column, .. } => Some(&column.name),
            _ => None,
        })
        .collect();
    let altered = Altered {
        name: name.clone(),
        table: builder.catalog.tables.get(name),
        only: alter.only,
        mode,
        dropped,
        dropped_columns,
        added,
        added_columns,
        actions: &alter.actions,
    };
    builder.lock(name, mode);
    // Its rows are elsewhere: nothing of them is read or written, whatever else is not known.
    if altered.table.is_none() && alter.kind == RelationKind::ForeignTable {
        return;
    }
    for action in actions {
        one(builder, &altered, action);
    }
}

/// The lock a subcommand needs on the altered table.
fn lock_level(action: &AlterActionKind) -> LockMode {
    match action {
        AlterActionKind::AddConstraint(constraint) => match constraint.kind {
            TableConstraintKind::ForeignKey { .. } => LockMode::ShareRowExclusive,
            TableConstraintKind::Check(_)
            | TableConstraintKind::NotNull(_)
            | TableConstraintKind::Key(_)
            | TableConstraintKind::KeyUsingIndex { .. }
            | TableConstraintKind::Exclude(_) => LockMode::AccessExclusive,
        },
        AlterActionKind::Trigger { .. } => LockMode::ShareRowExclusive,
        AlterActionKind::AlterColumn { action, .. } => match action {
            ColumnAction::SetStatistics(_)
            | ColumnAction::SetOptions(_)
            | ColumnAction::ResetOptions(_) => LockMode::ShareUpdateExclusive,
            ColumnAction::SetDefault(_)
            | ColumnAction::DropDefault
            | ColumnAction::SetNotNull
            | ColumnAction::DropNotNull
            | ColumnAction::Type { .. }
            | ColumnAction::SetStorage(_)
            | ColumnAction::SetCompression(_)
            | ColumnAction::AddIdentity { .. }
            | ColumnAction::SetIdentity { .. }
            | ColumnAction::DropIdentity { .. }
            | ColumnAction::SetExpression(_)
            | ColumnAction::DropExpression { .. } => LockMode::AccessExclusive,
        },
        AlterActionKind::ValidateConstraint { .. }
        | AlterActionKind::ClusterOn(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::AttachPartition { .. } => LockMode::ShareUpdateExclusive,
        AlterActionKind::DetachPartition {
            concurrently,
            finalize,
            ..
        } => {
            if *concurrently || *finalize {
                LockMode::ShareUpdateExclusive
            } else {
                LockMode::AccessExclusive
            }
        }
        AlterActionKind::SetOptions(names) | AlterActionKind::ResetOptions(names) => names
            .iter()
            .map(option_lock)
            .max()
            .unwrap_or(LockMode::AccessExclusive),
        AlterActionKind::AddColumn { .. }
        | AlterActionKind::DropColumn { .. }
        | AlterActionKind::AlterConstraint { .. }
        | AlterActionKind::DropConstraint { .. }
        | AlterActionKind::RenameTo(_)
        | AlterActionKind::RenameColumn { .. }
        | AlterActionKind::RenameConstraint { .. }
        | AlterActionKind::SetSchema(_)
        | AlterActionKind::OwnerTo(_)
        | AlterActionKind::Rule { .. }
        | AlterActionKind::RowSecurity(_)
        | AlterActionKind::DropOids
        | AlterActionKind::SetLogged
        | AlterActionKind::SetUnlogged
        | AlterActionKind::SetAccessMethod(_)
        | AlterActionKind::SetTablespace(_)
        | AlterActionKind::Inherit(_)
        | AlterActionKind::NoInherit(_)
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::ReplicaIdentity(_)
        | AlterActionKind::DependsOnExtension { .. }
        | AlterActionKind::SequenceOptions(_)
        | AlterActionKind::Other => LockMode::AccessExclusive,
    }
}

/// The lock for a storage parameter (`src/backend/access/common/reloptions.c`).
fn option_lock(option: &OptionValue) -> LockMode {
    let name = option.name.as_str();
    let name = name.strip_prefix("toast.").unwrap_or(name);
    let weak = name.starts_with("autovacuum_")
        || name.starts_with("log_autovacuum")
        || name.starts_with("vacuum_")
        || matches!(
            name,
            "fillfactor"
                | "parallel_workers"
                | "toast_tuple_target"
                | "deduplicate_items"
                | "autosummarize"
                | "n_distinct"
                | "n_distinct_inherited"
        );
    if weak {
        LockMode::ShareUpdateExclusive
    } else {
        LockMode::AccessExclusive
    }
}

fn one(builder: &mut Builder<'_>, altered: &Altered<'_>, action: &AlterAction) {
    let catalog = builder.catalog;
    match &action.kind {
        AlterActionKind::AddColumn {
            if_not_exists,
            column,
        } => column::add(builder, altered, *if_not_exists, column),
        AlterActionKind::DropColumn {
            if_exists,
            name,
            behavior,
        } => column::drop(builder, altered, *if_exists, name, *behavior),
        AlterActionKind::AlterColumn { name, action } => {
            column::alter(builder, altered, name, action);
        }
        AlterActionKind::AddConstraint(constraint) => {
            constraint::add(builder, altered, constraint);
        }
        AlterActionKind::AlterConstraint { name, attributes } => {
            constraint::alter(builder, altered, name, *attributes);
        }
        AlterActionKind::ValidateConstraint { name } => {
            constraint::validate(builder, altered, name);
        }
        AlterActionKind::DropConstraint {
            if_exists,
            name,
            behavior,
        } => constraint::drop(builder, altered, *if_exists, name, *behavior),
        // A column has one name in the whole family, whatever the statement says.
        AlterActionKind::RenameColumn { from, to } => {
            refusal::taken_column(builder, altered, to);
            refusal::rename_column(builder, altered, from);
            if altered
                .table
                .is_some_and(|table| table.column(from).is_none() && catalog.complete)
            {
                builder.fail(format!("{} has no column {from}", altered.name.short()));
            }
            builder.lock_family(&altered.name, altered.mode);
        }
        AlterActionKind::RenameConstraint { from, .. } => {
            let checked = altered
                .table
                .and_then(|table| table.constraint(from))
                .is_none_or(|constraint| {
                    matches!(constraint.kind, ConstraintKind::Check { .. })
                        && !constraint.no_inherit
                });
            if checked {
                builder.lock_family(&altered.name, altered.mode);
            }
        }
        AlterActionKind::SetSchema(_) => {
            for sequence in owned_sequences(catalog, &altered.name, None) {
                builder.lock(&sequence, LockMode::AccessExclusive);
            }
        }
        AlterActionKind::OwnerTo(role) => {
            let Some(table) = altered.table else { return };
            if table.owner.as_ref() != Some(role) {
                builder.lock_indexes(table, LockMode::AccessExclusive);
                for sequence in owned_sequences(catalog, &altered.name, None) {
                    builder.lock(&sequence, LockMode::AccessExclusive);
                }
            }
        }
        AlterActionKind::Trigger { name, .. } => {
            let Some(table) = altered.table else { return };
            if let Some(name) = name
                && !table.triggers.iter().any(|trigger| trigger.name == *name)
            {
                builder.fail(format!("{} has no trigger {name}", altered.name.short()));
            }
            if table.kind == TableKind::Partitioned && !altered.only {
                builder.lock_family(&altered.name, altered.mode);
            }
        }
        AlterActionKind::ClusterOn(index) => {
            builder.lock(
                &altered.name.sibling(index.clone()),
                LockMode::ShareUpdateExclusive,
            );
        }
        AlterActionKind::ReplicaIdentity(ReplicaIdentity::Index(index)) => {
            builder.lock(&altered.name.sibling(index.clone()), LockMode::Share);
            refuse_identity(builder, altered, index);
        }
        AlterActionKind::SetLogged | AlterActionKind::SetUnlogged => {
            refuse_mixed_foreign_keys(builder, altered, &action.kind);
            let permanent = action.kind == AlterActionKind::SetLogged;
            if altered
                .table
                .is_some_and(|table| table.permanent == permanent)
            {
                return;
            }
            builder.rewrite(&altered.name, "to write every row anew");
            // Since 15 the sequences of the table's columns change with it.
            if catalog.version >= PgVersion::V15 {
                for sequence in owned_sequences(catalog, &altered.name, None) {
                    builder.lock(&sequence, LockMode::AccessExclusive);
                    builder.effects.rewrites.push(sequence);
                }
            }
        }
        AlterActionKind::SetAccessMethod(method) => {
            let heap = method.as_ref().is_none_or(|m| m.as_str() == "heap");
            if !heap && altered.table.is_none_or(Table::has_storage) {
                builder.rewrite(&altered.name, "to write every row anew");
            }
        }
        AlterActionKind::SetTablespace(_) => {
            // The files are copied, not the rows; where the table is now is not modelled.
            if altered.table.is_none_or(Table::has_storage) {
                builder.effects.rewrites.push(altered.name.clone());
            }
        }
        AlterActionKind::Inherit(parent) => {
            builder.lock(&catalog.resolve(parent), LockMode::ShareUpdateExclusive);
        }
        AlterActionKind::NoInherit(parent) => {
            builder.lock(&catalog.resolve(parent), LockMode::AccessShare);
        }
        AlterActionKind::AttachPartition { name, bound } => {
            let bound = bound.as_ref().map(|bound| bound.text.as_str());
            partition::attach(builder, altered, name, bound);
        }
        AlterActionKind::DetachPartition {
            name,
            concurrently,
            finalize,
        } => {
            let how = match (concurrently, finalize) {
                (true, _) => partition::Detach::Concurrently,
                (false, true) => partition::Detach::Finalize,
                (false, false) => partition::Detach::Plain,
            };
            partition::detach(builder, altered, name, how);
        }
        AlterActionKind::RenameTo(_)
        | AlterActionKind::Rule { .. }
        | AlterActionKind::RowSecurity(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::DropOids
        | AlterActionKind::SetOptions(_)
        | AlterActionKind::ResetOptions(_)
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::ReplicaIdentity(
            ReplicaIdentity::Default | ReplicaIdentity::Full | ReplicaIdentity::Nothing,
        )
        | AlterActionKind::DependsOnExtension { .. } => {}
        AlterActionKind::SequenceOptions(_) | AlterActionKind::Other => {
            builder.effects.unknown = true;
        }
    }
}

/// What `REPLICA IDENTITY USING INDEX` asks of an index (`ATExecReplicaIdentity`).
fn refuse_identity(builder: &mut Builder<'_>, altered: &Altered<'_>, index: &Ident) {
    let Some(table) = altered.table else { return };
    let Some(found) = table.index(index) else {
        builder.fail(format!("index {index} does not exist"));
        return;
    };
    let nullable = found.keys.iter().find(|key| {
        let column = key.column.as_ref().and_then(|name| table.column(name));
        column.is_some_and(|column| !column.not_null)
    });
    if !found.unique {
        builder.fail(format!("index {index} is not unique"));
    } else if found.predicate.is_some() || found.keys.iter().any(|key| key.column.is_none()) {
        builder.fail(format!("index {index} is partial, or over an expression"));
    } else if let Some(column) = nullable.and_then(|key| key.column.as_ref()) {
        builder.fail(format!("column {column} of index {index} may be NULL"));
    }
}

/// A permanent table may not reference an unlogged one (`ATPrepChangePersistence`).
fn refuse_mixed_foreign_keys(
    builder: &mut Builder<'_>,
    altered: &Altered<'_>,
    action: &AlterActionKind,
) {
    let Some(table) = altered.table else { return };
    let catalog = builder.catalog;
    let others: Vec<&Table> = if *action == AlterActionKind::SetUnlogged {
        let inbound = builder.inbound(&table.name, None).into_iter();
        inbound.map(|(child, _)| child).collect()
    } else {
        let outbound = table.constraints.iter().filter_map(referenced);
        outbound
            .filter_map(|peer| catalog.tables.get(peer))
            .collect()
    };
    let becomes_permanent = *action == AlterActionKind::SetLogged;
    let odd = others
        .into_iter()
        .find(|other| other.name != table.name && other.permanent != becomes_permanent);
    if let Some(other) = odd {
        builder.fail(format!(
            "a foreign key joins it to {}, and a permanent table may not reference an unlogged one",
            other.name.short()
        ));
    }
}

/// The sequences owned by a table's columns, or by one of them.
pub(super) fn owned_sequences(
    catalog: &Catalog,
    table: &ObjectName,
    column: Option<&Ident>,
) -> Vec<ObjectName> {
    catalog
        .sequences
        .values()
        .filter(|sequence| {
            sequence.owned_by.as_ref().is_some_and(|(owner, owned)| {
                owner == table && column.is_none_or(|column| column == owned)
            })
        })
        .map(|sequence| sequence.name.clone())
        .collect()
}

fn alter_index(
    builder: &mut Builder<'_>,
    name: &ObjectName,
    table: Option<&Table>,
    action: &AlterActionKind,
) {
    match action {
        AlterActionKind::RenameTo(_)
        | AlterActionKind::AlterColumn {
            action:
                ColumnAction::SetStatistics(_)
                | ColumnAction::SetOptions(_)
                | ColumnAction::ResetOptions(_),
            ..
        } => builder.lock(name, LockMode::ShareUpdateExclusive),
        AlterActionKind::SetOptions(names) | AlterActionKind::ResetOptions(names) => {
            let mode = names.iter().map(option_lock).max();
            builder.lock(name, mode.unwrap_or(LockMode::AccessExclusive));
        }
        AlterActionKind::AttachPartition { name: part, .. } => {
            let part = builder.catalog.resolve(part);
            builder.lock(name, LockMode::ShareUpdateExclusive);
            builder.lock(&part, LockMode::AccessExclusive);
            let part_table = builder.catalog.index(&part).map(|(table, _)| &table.name);
            for table in table.map(|t| &t.name).into_iter().chain(part_table) {
                builder.lock(table, LockMode::AccessShare);
            }
        }
        AlterActionKind::SetTablespace(_) => {
            builder.lock(name, LockMode::AccessExclusive);
            builder.effects.rewrites.push(name.clone());
        }
        AlterActionKind::DependsOnExtension { .. } => builder.lock(name, LockMode::AccessExclusive),
        AlterActionKind::AddColumn { .. }
        | AlterActionKind::DropColumn { .. }
        | AlterActionKind::AlterColumn { .. }
        | AlterActionKind::AddConstraint(_)
        | AlterActionKind::AlterConstraint { .. }
        | AlterActionKind::ValidateConstraint { .. }
        | AlterActionKind::DropConstraint { .. }
        | AlterActionKind::RenameColumn { .. }
        | AlterActionKind::RenameConstraint { .. }
        | AlterActionKind::SetSchema(_)
        | AlterActionKind::OwnerTo(_)
        | AlterActionKind::Trigger { .. }
        | AlterActionKind::Rule { .. }
        | AlterActionKind::RowSecurity(_)
        | AlterActionKind::ClusterOn(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::DropOids
        | AlterActionKind::SetLogged
        | AlterActionKind::SetUnlogged
        | AlterActionKind::SetAccessMethod(_)
        | AlterActionKind::Inherit(_)
        | AlterActionKind::NoInherit(_)
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::ReplicaIdentity(_)
        | AlterActionKind::DetachPartition { .. }
        | AlterActionKind::SequenceOptions(_)
        | AlterActionKind::Other => {
            builder.lock(name, LockMode::AccessExclusive);
            builder.effects.unknown = true;
        }
    }
}

fn alter_sequence(builder: &mut Builder<'_>, name: &ObjectName, action: &AlterActionKind) {
    match action {
        AlterActionKind::RenameTo(_)
        | AlterActionKind::SetSchema(_)
        | AlterActionKind::OwnerTo(_) => builder.lock(name, LockMode::AccessExclusive),
        AlterActionKind::SetLogged | AlterActionKind::SetUnlogged => {
            builder.lock(name, LockMode::AccessExclusive);
            builder.effects.rewrites.push(name.clone());
        }
        AlterActionKind::SequenceOptions(options) => {
            builder.lock(name, LockMode::ShareRowExclusive);
            let mut file = false;
            for option in options {
                utility::owned_by(builder, option);
                file |= !matches!(option, SequenceOption::OwnedBy(_));
            }
            // Its one row is written into a new file, unless only the owner changes.
            if file {
                builder.effects.rewrites.push(name.clone());
            }
        }
        AlterActionKind::AddColumn { .. }
        | AlterActionKind::DropColumn { .. }
        | AlterActionKind::AlterColumn { .. }
        | AlterActionKind::AddConstraint(_)
        | AlterActionKind::AlterConstraint { .. }
        | AlterActionKind::ValidateConstraint { .. }
        | AlterActionKind::DropConstraint { .. }
        | AlterActionKind::RenameColumn { .. }
        | AlterActionKind::RenameConstraint { .. }
        | AlterActionKind::Trigger { .. }
        | AlterActionKind::Rule { .. }
        | AlterActionKind::RowSecurity(_)
        | AlterActionKind::ClusterOn(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::DropOids
        | AlterActionKind::SetAccessMethod(_)
        | AlterActionKind::SetTablespace(_)
        | AlterActionKind::SetOptions(_)
        | AlterActionKind::ResetOptions(_)
        | AlterActionKind::Inherit(_)
        | AlterActionKind::NoInherit(_)
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::ReplicaIdentity(_)
        | AlterActionKind::AttachPartition { .. }
        | AlterActionKind::DetachPartition { .. }
        | AlterActionKind::DependsOnExtension { .. }
        | AlterActionKind::Other => {
            builder.lock(name, LockMode::AccessExclusive);
            builder.effects.unknown = true;
        }
    }
}
