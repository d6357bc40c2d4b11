//! ALTER TABLE and its relatives.

use crate::{
    catalog::{Catalog, Identity, Table, domain, types},
    ident::{Ident, ObjectName},
    parse::statement::{
        AlterAction, AlterActionKind, AlterRelation, ColumnAction, Firing, OptionValue,
        ReplicaIdentity, RowSecurity, SequenceOption,
    },
};

use super::{constraint, create, drop, index, rename};

/// `ALTER` of a relation. Subcommands run in the server's order: what drops comes first, then
/// changes of type, then the rest as written.
pub(super) fn relation(catalog: &mut Catalog, alter: &AlterRelation) {
    let name = catalog.resolve(&alter.name);
    if !catalog.has_relation(&name) {
        return;
    }
    let pass = |action: &AlterAction| match &action.kind {
        AlterActionKind::DropColumn { .. } | AlterActionKind::DropConstraint { .. } => 0,
        AlterActionKind::AlterColumn {
            action: ColumnAction::Type { .. },
            ..
        } => 1,
        _ => 2,
    };
    let mut actions: Vec<&AlterAction> = alter.actions.iter().collect();
    actions.sort_by_key(|action| pass(action));
    for action in actions {
        let target = Target {
            name: &name,
            only: alter.only,
        };
        one(catalog, &target, &action.kind);
    }
}

/// The altered relation.
struct Target<'a> {
    name: &'a ObjectName,
    only: bool,
}

impl Target<'_> {
    /// The tables that a subcommand which recurses reaches.
    fn members(&self, catalog: &Catalog) -> Vec<ObjectName> {
        if self.only {
            vec![self.name.clone()]
        } else {
            constraint::members(catalog, self.name)
        }
    }
}

/// Of a sequence's options only who owns it is kept.
pub(super) fn owned_by(catalog: &mut Catalog, sequence: &ObjectName, option: &SequenceOption) {
    let SequenceOption::OwnedBy(owner) = option else {
        return;
    };
    let owner = owner
        .as_ref()
        .map(|owner| (catalog.resolve(&owner.table), owner.column.clone()));
    if let Some(sequence) = catalog.sequences.get_mut(sequence) {
        sequence.owned_by = owner;
    }
}

fn table_mut<'a>(catalog: &'a mut Catalog, target: &Target<'_>) -> Option<&'a mut Table> {
    catalog.tables.get_mut(target.name)
}

fn one(catalog: &mut Catalog, target: &Target<'_>, action: &AlterActionKind) {
    let name = target.name;
    match action {
        AlterActionKind::AddColumn { column, .. } => {
            for (at, member) in target.members(catalog).into_iter().enumerate() {
                let exists = catalog
                    .tables
                    .get(&member)
                    .is_some_and(|table| table.column(&column.name).is_some());
                if exists {
                    continue;
                }
                let pending = create::define(catalog, &member, column);
                if at > 0
                    && let Some(column) = constraint::column_mut(catalog, &member, &column.name)
                {
                    column.inherited = true;
                }
                // Checks go down from the parent by themselves.
                if at == 0 {
                    create::add_pending(catalog, &member, &pending);
                } else {
                    create::name_not_nulls(catalog, &member);
                }
            }
        }
        AlterActionKind::DropColumn {
            name: column,
            behavior,
            ..
        } => {
            for member in target.members(catalog) {
                drop::column(catalog, &member, column, *behavior);
            }
        }
        AlterActionKind::AlterColumn {
            name: column,
            action,
        } => alter_column(catalog, target, column, action),
        AlterActionKind::AddConstraint(one) => {
            if one.name.as_ref().is_some_and(|written| {
                catalog
                    .tables
                    .get(name)
                    .is_some_and(|table| table.constraint(written).is_some())
            }) {
                return;
            }
            let new = constraint::New {
                name: one.name.as_ref(),
                attributes: one.attributes,
                repeated: constraint::Repeated::Kept,
            };
            constraint::add(catalog, name, &new, &one.kind);
        }
        AlterActionKind::AlterConstraint {
            name: altered,
            attributes,
        } => {
            let found = table_mut(catalog, target)
                .and_then(|table| table.constraints.iter_mut().find(|c| c.name == *altered));
            if let Some(one) = found {
                if let Some(deferrable) = attributes.deferrable {
                    one.deferrable = deferrable;
                    one.deferred &= deferrable;
                }
                if let Some(deferred) = attributes.initially_deferred {
                    one.deferred = deferred;
                    one.deferrable |= deferred;
                }
                if let Some(enforced) = attributes.enforced {
                    one.validated = enforced;
                }
                let ending = if attributes.enforced == Some(false) {
                    " NOT ENFORCED"
                } else if one.definition.ends_with(" NOT VALID") && !one.validated {
                    " NOT VALID"
                } else {
                    ""
                };
                constraint::end_definition(one, ending);
            }
        }
        AlterActionKind::ValidateConstraint { name: validated } => {
            for member in target.members(catalog) {
                let Some(table) = catalog.tables.get_mut(&member) else {
                    continue;
                };
                if let Some(one) = table.constraints.iter_mut().find(|c| c.name == *validated) {
                    one.validated = true;
                    if let Some(definition) = one.definition.strip_suffix(" NOT VALID") {
                        one.definition = definition.to_owned();
                    }
                }
                for column in &mut table.columns {
                    if let Some((name, valid)) = &mut column.not_null_constraint
                        && name == validated
                    {
                        *valid = true;
                    }
                }
            }
        }
        AlterActionKind::DropConstraint {
            name: dropped,
            behavior,
            ..
        } => drop::constraint(catalog, &target.members(catalog), dropped, *behavior),
        AlterActionKind::RenameTo(to) => rename::relation(catalog, name, &name.sibling(to.clone())),
        AlterActionKind::SetSchema(schema) => {
            rename::relation(
                catalog,
                name,
                &ObjectName::new(schema.clone(), name.name.clone()),
            );
        }
        AlterActionKind::RenameColumn { from, to } => rename::column(catalog, name, from, to),
        AlterActionKind::RenameConstraint { from, to } => {
            rename::constraint(catalog, name, from, to);
        }
        AlterActionKind::OwnerTo(role) => {
            if let Some(table) = table_mut(catalog, target) {
                table.owner = Some(role.clone());
            } else if let Some(view) = catalog.views.get_mut(name) {
                view.owner = Some(role.clone());
            }
        }
        AlterActionKind::SetOptions(options) => {
            if let Some(view) = catalog.views.get_mut(name) {
                set_options(&mut view.options, options);
            }
        }
        AlterActionKind::ResetOptions(options) => {
            if let Some(view) = catalog.views.get_mut(name) {
                reset_options(&mut view.options, options);
            }
        }
        AlterActionKind::Trigger {
            firing,
            name: trigger,
        } => {
            let code = match firing {
                Firing::Origin => 'O',
                Firing::Disabled => 'D',
                Firing::Replica => 'R',
                Firing::Always => 'A',
            };
            for member in target.members(catalog) {
                let Some(table) = catalog.tables.get_mut(&member) else {
                    continue;
                };
                for one in &mut table.triggers {
                    if trigger.as_ref().is_none_or(|name| one.name == *name) {
                        one.enabled = code;
                    }
                }
            }
        }
        AlterActionKind::RowSecurity(what) => {
            if let Some(table) = table_mut(catalog, target) {
                match what {
                    RowSecurity::Enable => table.row_security = true,
                    RowSecurity::Disable => table.row_security = false,
                    RowSecurity::Force => table.force_row_security = true,
                    RowSecurity::NoForce => table.force_row_security = false,
                }
            }
        }
        AlterActionKind::ClusterOn(index) => cluster_on(catalog, target, Some(index)),
        AlterActionKind::DropCluster => cluster_on(catalog, target, None),
        AlterActionKind::SetLogged => {
            if let Some(table) = table_mut(catalog, target) {
                table.permanent = true;
            }
        }
        AlterActionKind::SetUnlogged => {
            if let Some(table) = table_mut(catalog, target) {
                table.permanent = false;
            }
        }
        AlterActionKind::ReplicaIdentity(identity) => {
            if let Some(table) = table_mut(catalog, target) {
                let (code, chosen) = match identity {
                    ReplicaIdentity::Default => ('d', None),
                    ReplicaIdentity::Full => ('f', None),
                    ReplicaIdentity::Nothing => ('n', None),
                    ReplicaIdentity::Index(index) => ('i', Some(index)),
                };
                table.replica_identity = code;
                for index in &mut table.indexes {
                    index.replica_identity = chosen == Some(&index.name);
                }
            }
        }
        AlterActionKind::Inherit(parent) => {
            let parent = catalog.resolve(parent);
            adopt(catalog, &parent, name);
        }
        AlterActionKind::NoInherit(parent) => {
            let parent = catalog.resolve(parent);
            disown(catalog, &parent, name);
        }
        AlterActionKind::AttachPartition { name: part, bound } => {
            let part = catalog.resolve(part);
            if let Some((table, _)) = catalog.index(&part) {
                let table = table.name.clone();
                index::attach(catalog, &table, &part.name, name.clone());
                return;
            }
            adopt(catalog, name, &part);
            if let Some(table) = catalog.tables.get_mut(&part) {
                table.partition_bound = bound.as_ref().map(|bound| bound.text.clone());
            }
            create::clone_to_partition(catalog, name, &part);
        }
        AlterActionKind::DetachPartition { name: part, .. } => {
            let part = catalog.resolve(part);
            disown(catalog, name, &part);
            if let Some(table) = catalog.tables.get_mut(&part) {
                table.partition_bound = None;
                table.triggers.retain(|trigger| !trigger.cloned);
                for index in &mut table.indexes {
                    index.parent = None;
                }
            }
        }
        // `ALTER SEQUENCE … OWNED BY` among them: what is owned is not known afterwards.
        AlterActionKind::SequenceOptions(options) => {
            for option in options {
                owned_by(catalog, name, option);
            }
        }
        AlterActionKind::Other => catalog.complete = false,
        AlterActionKind::Rule { .. }
        | AlterActionKind::DropOids
        | AlterActionKind::SetAccessMethod(_)
        | AlterActionKind::SetTablespace(_)
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::DependsOnExtension { .. } => {}
    }
}

/// Options that are set: those given come last, as the server keeps them.
fn set_options(known: &mut Vec<String>, given: &[OptionValue]) {
    reset_options(known, given);
    for option in given {
        let value = option.value.as_deref().unwrap_or("true");
        known.push(format!(
            "{}={}",
            option.name.as_str(),
            value.trim_matches('\'')
        ));
    }
}

fn reset_options(known: &mut Vec<String>, given: &[OptionValue]) {
    known.retain(|option| {
        let name = option.split('=').next();
        given.iter().all(|given| Some(given.name.as_str()) != name)
    });
}

fn cluster_on(catalog: &mut Catalog, target: &Target<'_>, chosen: Option<&Ident>) {
    if let Some(table) = table_mut(catalog, target) {
        for index in &mut table.indexes {
            index.clustered = chosen == Some(&index.name);
        }
    }
}

fn adopt(catalog: &mut Catalog, parent: &ObjectName, child: &ObjectName) {
    let Some(parent_table) = catalog.tables.get(parent) else {
        catalog.complete = false;
        return;
    };
    let columns: Vec<Ident> = parent_table
        .columns
        .iter()
        .map(|c| c.name.clone())
        .collect();
    if let Some(table) = catalog.tables.get_mut(child) {
        table.parents.push(parent.clone());
        for column in &mut table.columns {
            column.inherited |= columns.contains(&column.name);
        }
    }
    if let Some(table) = catalog.tables.get_mut(parent) {
        table.children.push(child.clone());
        table.children.sort();
    }
}

fn disown(catalog: &mut Catalog, parent: &ObjectName, child: &ObjectName) {
    if let Some(table) = catalog.tables.get_mut(parent) {
        table.children.retain(|known| known != child);
    }
    if let Some(table) = catalog.tables.get_mut(child) {
        table.parents.retain(|known| known != parent);
        if table.parents.is_empty() {
            for column in &mut table.columns {
                column.inherited = false;
            }
        }
    }
}

fn alter_column(catalog: &mut Catalog, target: &Target<'_>, name: &Ident, action: &ColumnAction) {
    if catalog.index(target.name).is_some() {
        return;
    }
    match action {
        ColumnAction::SetNotNull => {
            for member in target.members(catalog) {
                if let Some(column) = constraint::column_mut(catalog, &member, name) {
                    column.not_null = true;
                    if let Some((_, validated)) = &mut column.not_null_constraint {
                        *validated = true;
                    }
                }
                create::name_not_nulls(catalog, &member);
            }
            return;
        }
        ColumnAction::AddIdentity { .. } => {
            create::sequence_for(catalog, target.name, name, true);
        }
        ColumnAction::DropIdentity { .. } => {
            let owner = (target.name.clone(), name.clone());
            catalog.sequences.retain(|_, sequence| {
                !(sequence.identity && sequence.owned_by.as_ref() == Some(&owner))
            });
        }
        ColumnAction::SetDefault(_)
        | ColumnAction::DropDefault
        | ColumnAction::DropNotNull
        | ColumnAction::Type { .. }
        | ColumnAction::SetStatistics(_)
        | ColumnAction::SetOptions(_)
        | ColumnAction::ResetOptions(_)
        | ColumnAction::SetStorage(_)
        | ColumnAction::SetCompression(_)
        | ColumnAction::SetIdentity { .. }
        | ColumnAction::SetExpression(_)
        | ColumnAction::DropExpression { .. } => {}
    }
    let new_type = match action {
        ColumnAction::Type { ty, .. } => {
            let ty = types::canonical(ty, catalog);
            let facts = domain(&ty, catalog);
            Some((ty, facts))
        }
        _ => None,
    };
    let storage = catalog
        .tables
        .get(target.name)
        .and_then(|table| table.column(name))
        .map_or("extended", |column| types::storage(&column.ty, catalog));
    let keeps_primary = catalog
        .tables
        .get(target.name)
        .and_then(Table::primary_key)
        .is_some_and(|key| key.columns().contains(name));
    for member in target.members(catalog) {
        let Some(column) = constraint::column_mut(catalog, &member, name) else {
            continue;
        };
        match action {
            ColumnAction::SetDefault(expr) => {
                column.default = create::default_of(expr, &column.ty);
            }
            ColumnAction::DropDefault => column.default = None,
            ColumnAction::DropNotNull => {
                if !keeps_primary && column.identity.is_none() {
                    column.not_null = false;
                    column.not_null_constraint = None;
                }
            }
            ColumnAction::Type { collation, .. } => {
                if let Some((ty, facts)) = &new_type {
                    column.ty.clone_from(ty);
                    column.not_null_domain = facts.as_ref().is_some_and(|f| f.not_null);
                    column.constrained_domain = facts.as_ref().is_some_and(|f| f.constrained);
                }
                column.collation = collation.as_ref().map(types::collation);
            }
            ColumnAction::SetStorage(mode) => {
                let mode = mode.as_str().to_ascii_lowercase();
                column.storage = (mode != "default" && mode != storage).then_some(mode);
            }
            ColumnAction::SetCompression(method) => {
                column.compression =
                    (method.as_str() != "default").then(|| method.as_str().to_owned());
            }
            ColumnAction::AddIdentity { always, .. } => {
                column.identity = Some(Identity { always: *always });
            }
            ColumnAction::DropIdentity { .. } => column.identity = None,
            ColumnAction::SetExpression(expr) => {
                if let Some(generated) = &mut column.generated {
                    generated.expr.clone_from(&expr.text);
                    generated.columns = constraint::columns_of(expr);
                }
            }
            ColumnAction::DropExpression { .. } => column.generated = None,
            ColumnAction::SetNotNull | ColumnAction::SetIdentity { .. } => {}
            ColumnAction::SetStatistics(target) => {
                column.statistics_target = target.filter(|target| *target >= 0);
            }
            ColumnAction::SetOptions(options) => set_options(&mut column.options, options),
            ColumnAction::ResetOptions(options) => reset_options(&mut column.options, options),
        }
    }
}
