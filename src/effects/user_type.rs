//! ALTER TYPE and ALTER DOMAIN, and the tables that use the type.

use crate::{
    catalog::{Catalog, Table, TableKind, UserTypeKind, types},
    effects::{LockMode, builder::Builder},
    ident::ObjectName,
    parse::statement::{
        AlterDomain, AlterType, ColumnConstraintKind, DomainAction, DropBehavior, TypeAction,
    },
};

/// `ALTER TYPE`. Labels of an enum and names touch no table; attributes of a composite type do.
pub(super) fn alter(builder: &mut Builder<'_>, alter: &AlterType) {
    let catalog = builder.catalog;
    let name = types::user_type_name(&alter.name, catalog);
    for action in &alter.actions {
        let (behavior, changes_type) = match action {
            TypeAction::AddValue { .. }
            | TypeAction::RenameValue { .. }
            | TypeAction::RenameTo(_)
            | TypeAction::SetSchema(_)
            | TypeAction::OwnerTo(_)
            | TypeAction::SetOptions(_) => continue,
            TypeAction::AddAttribute { behavior, .. }
            | TypeAction::DropAttribute { behavior, .. }
            | TypeAction::RenameAttribute { behavior, .. } => (*behavior, false),
            TypeAction::AlterAttribute { behavior, .. } => (*behavior, true),
        };
        let users = tables_with(catalog, &name);
        if changes_type && let Some(table) = users.first() {
            builder.fail(format!(
                "a column of {} has this type, whose attributes cannot change",
                table.name.short()
            ));
        }
        // Which tables are made of the type (CREATE TABLE … OF) is not modelled; without CASCADE
        // they stand in the way.
        if behavior == DropBehavior::Cascade {
            builder.effects.unknown = true;
        }
    }
}

/// Tables with a column of the type, or of an array of it.
fn tables_with<'a>(catalog: &'a Catalog, ty: &ObjectName) -> Vec<&'a Table> {
    let ty = ty.to_string();
    let uses = |column: &str| column.strip_suffix("[]").unwrap_or(column) == ty;
    catalog
        .tables
        .values()
        .filter(|table| table.columns.iter().any(|column| uses(&column.ty)))
        .collect()
}

/// `ALTER DOMAIN`. Only a constraint that must hold for the rows that are there reads them.
pub(super) fn alter_domain(builder: &mut Builder<'_>, alter: &AlterDomain) {
    let catalog = builder.catalog;
    let purpose = match &alter.action {
        DomainAction::SetNotNull => "to prove that no value of the domain is NULL",
        DomainAction::ValidateConstraint(_) => "to check the domain's constraint",
        DomainAction::AddConstraint(constraint) => match &constraint.kind {
            ColumnConstraintKind::Check(_) if constraint.attributes.not_valid => return,
            _ => "to check the domain's constraint",
        },
        DomainAction::SetDefault(_)
        | DomainAction::DropDefault
        | DomainAction::DropNotNull
        | DomainAction::DropConstraint { .. }
        | DomainAction::RenameConstraint { .. }
        | DomainAction::OwnerTo(_)
        | DomainAction::RenameTo(_)
        | DomainAction::SetSchema(_) => return,
    };
    let name = types::user_type_name(&alter.name, catalog);
    if !catalog.types.contains_key(&name) {
        builder.missing("domain", &name);
        builder.effects.unknown |= !catalog.complete;
    }
    for ty in with_domains_over(catalog, &name) {
        let shown = ty.to_string();
        for table in catalog.tables.values() {
            for column in &table.columns {
                if column.ty == shown {
                    // A partitioned table has no rows of its own.
                    if table.kind == TableKind::Partitioned {
                        continue;
                    }
                    builder.lock(&table.name, LockMode::Share);
                    if table.has_storage() {
                        builder.scan(&table.name, LockMode::Share, purpose);
                    }
                } else if column.ty.strip_suffix("[]") == Some(shown.as_str()) {
                    builder.fail(format!(
                        "column {} of {} is an array of it",
                        column.name,
                        table.name.short()
                    ));
                }
            }
        }
    }
    // What is inside composite and range types is not modelled.
    let inside = |table: &Table| {
        table.columns.iter().any(|column| {
            catalog.types.iter().any(|(name, ty)| {
                column.ty.strip_suffix("[]").unwrap_or(&column.ty) == name.to_string()
                    && matches!(ty.kind, UserTypeKind::Composite | UserTypeKind::Other)
            })
        })
    };
    builder.effects.unknown |= catalog.tables.values().any(inside);
}

/// The domain, and the domains that are made of it.
pub(super) fn with_domains_over(catalog: &Catalog, domain: &ObjectName) -> Vec<ObjectName> {
    let mut found = vec![domain.clone()];
    let mut at = 0;
    while let Some(base) = found.get(at).map(ToString::to_string) {
        at += 1;
        for (name, ty) in &catalog.types {
            if let UserTypeKind::Domain { base: of, .. } = &ty.kind
                && *of == base
                && !found.contains(name)
            {
                found.push(name.clone());
            }
        }
    }
    found
}
