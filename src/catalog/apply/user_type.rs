//! CREATE and ALTER of types and domains.

use super::names;
use crate::{
    catalog::{
        Catalog, DomainCheck, UserType, UserTypeKind,
        types::{self, domain},
    },
    ident::{Ident, ObjectName},
    parse::statement::{
        AlterDomain, AlterType, ColumnConstraintKind, CreateDomain, CreateType, DomainAction,
        DropBehavior, LabelPlace, TypeAction, TypeDefinition,
    },
};

/// Replays `CREATE TYPE`.
pub(super) fn create(catalog: &mut Catalog, create: &CreateType) {
    let kind = match &create.definition {
        TypeDefinition::Enum(labels) => UserTypeKind::Enum {
            labels: labels.clone(),
        },
        TypeDefinition::Composite(_) => UserTypeKind::Composite,
        TypeDefinition::Range(_) | TypeDefinition::Base(_) | TypeDefinition::Shell => {
            UserTypeKind::Other
        }
    };
    let name = catalog.in_full(&create.name);
    catalog.types.insert(name.clone(), UserType { name, kind });
}

/// Replays `CREATE DOMAIN`.
pub(super) fn create_domain(catalog: &mut Catalog, create: &CreateDomain) {
    let name = catalog.in_full(&create.name);
    let (mut not_null, mut default) = (false, None);
    let mut checks: Vec<DomainCheck> = Vec::new();
    for constraint in &create.constraints {
        match &constraint.kind {
            ColumnConstraintKind::NotNull => not_null = true,
            ColumnConstraintKind::Default(expr) => default = Some(expr.text.clone()),
            ColumnConstraintKind::Check(expr) => checks.push(DomainCheck {
                name: check_name(catalog, &name, &checks, constraint.name.as_ref()),
                expr: expr.text.clone(),
                validated: true,
            }),
            ColumnConstraintKind::Null
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::References(_)
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => {}
        }
    }
    checks.sort_by(|a, b| a.name.cmp(&b.name));
    let base = types::canonical(&create.base, catalog);
    if default.is_none() {
        // That of the domain below is copied.
        default = domain(&base, catalog).and_then(|below| below.default);
    }
    let kind = UserTypeKind::Domain {
        base,
        not_null,
        checks,
        default,
    };
    catalog.types.insert(name.clone(), UserType { name, kind });
}

/// The name that is written, or the one that the server makes up.
fn check_name(
    catalog: &Catalog,
    domain: &ObjectName,
    known: &[DomainCheck],
    written: Option<&Ident>,
) -> Ident {
    written.cloned().unwrap_or_else(|| {
        names::domain_constraint(catalog, domain, "check", |name| {
            known.iter().any(|check| check.name == *name)
        })
    })
}

/// Replays `ALTER TYPE`.
pub(super) fn alter(catalog: &mut Catalog, alter: &AlterType) {
    let full = types::user_type_name(&alter.name, catalog);
    for action in &alter.actions {
        match action {
            TypeAction::AddValue { value, place, .. } => {
                add_value(catalog, &full, value, place.as_ref());
            }
            TypeAction::RenameValue { from, to } => {
                if let Some(UserTypeKind::Enum { labels }) =
                    catalog.types.get_mut(&full).map(|ty| &mut ty.kind)
                    && !labels.contains(to)
                {
                    for label in labels.iter_mut().filter(|label| *label == from) {
                        label.clone_from(to);
                    }
                }
            }
            // What a composite type is made of is not modelled; tables made of it are changed by
            // CASCADE only, and which those are is not modelled either.
            TypeAction::AddAttribute { behavior, .. }
            | TypeAction::DropAttribute { behavior, .. }
            | TypeAction::AlterAttribute { behavior, .. }
            | TypeAction::RenameAttribute { behavior, .. } => {
                catalog.complete &= *behavior == DropBehavior::Restrict;
            }
            TypeAction::RenameTo(to) => rename(catalog, &full, full.sibling(to.clone())),
            TypeAction::SetSchema(schema) => {
                rename(
                    catalog,
                    &full,
                    ObjectName::new(schema.clone(), full.name.clone()),
                );
            }
            TypeAction::OwnerTo(_) | TypeAction::SetOptions(_) => {}
        }
    }
}

fn add_value(catalog: &mut Catalog, name: &ObjectName, value: &str, place: Option<&LabelPlace>) {
    let Some(UserTypeKind::Enum { labels }) = catalog.types.get_mut(name).map(|ty| &mut ty.kind)
    else {
        return;
    };
    if labels.iter().any(|label| label == value) {
        return;
    }
    let at = match place {
        None => Some(labels.len()),
        Some(LabelPlace::Before(anchor)) => labels.iter().position(|label| label == anchor),
        Some(LabelPlace::After(anchor)) => labels
            .iter()
            .position(|label| label == anchor)
            .map(|at| at + 1),
    };
    if let Some(at) = at {
        labels.insert(at, value.to_owned());
    }
}

/// Gives a type another name, everywhere.
fn rename(catalog: &mut Catalog, from: &ObjectName, to: ObjectName) {
    let Some(mut ty) = catalog.types.remove(from) else {
        return;
    };
    ty.name = to.clone();
    let (old, new) = (from.to_string(), to.to_string());
    let spelled = |text: &mut String| {
        if *text == old {
            text.clone_from(&new);
        } else if text.strip_suffix("[]") == Some(&old) {
            *text = format!("{new}[]");
        }
    };
    for table in catalog.tables.values_mut() {
        table
            .columns
            .iter_mut()
            .for_each(|column| spelled(&mut column.ty));
    }
    for view in catalog.views.values_mut() {
        view.columns
            .iter_mut()
            .for_each(|column| spelled(&mut column.ty));
    }
    for other in catalog.types.values_mut() {
        if let UserTypeKind::Domain { base, .. } = &mut other.kind {
            spelled(base);
        }
    }
    catalog.types.insert(to, ty);
}

/// Replays `ALTER DOMAIN`.
pub(super) fn alter_domain(catalog: &mut Catalog, alter: &AlterDomain) {
    let full = types::user_type_name(&alter.name, catalog);
    match &alter.action {
        DomainAction::RenameTo(to) => return rename(catalog, &full, full.sibling(to.clone())),
        DomainAction::SetSchema(schema) => {
            let to = ObjectName::new(schema.clone(), full.name.clone());
            return rename(catalog, &full, to);
        }
        DomainAction::OwnerTo(_)
        | DomainAction::SetDefault(_)
        | DomainAction::DropDefault
        | DomainAction::SetNotNull
        | DomainAction::DropNotNull
        | DomainAction::AddConstraint(_)
        | DomainAction::DropConstraint { .. }
        | DomainAction::RenameConstraint { .. }
        | DomainAction::ValidateConstraint(_) => {}
    }
    let Some(mut ty) = catalog.types.get(&full).cloned() else {
        return;
    };
    let UserTypeKind::Domain {
        not_null,
        checks,
        default,
        ..
    } = &mut ty.kind
    else {
        return;
    };
    match &alter.action {
        DomainAction::SetDefault(expr) => {
            *default = (!expr.is_null()).then(|| expr.text.clone());
        }
        DomainAction::DropDefault => *default = None,
        DomainAction::SetNotNull => *not_null = true,
        DomainAction::DropNotNull => *not_null = false,
        DomainAction::AddConstraint(constraint) => match &constraint.kind {
            ColumnConstraintKind::Check(expr) => checks.push(DomainCheck {
                name: check_name(catalog, &full, checks, constraint.name.as_ref()),
                expr: expr.text.clone(),
                validated: !constraint.attributes.not_valid,
            }),
            ColumnConstraintKind::NotNull => *not_null = true,
            ColumnConstraintKind::Null
            | ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::Unique { .. }
            | ColumnConstraintKind::PrimaryKey
            | ColumnConstraintKind::References(_)
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => {}
        },
        DomainAction::DropConstraint { name, .. } => {
            if checks.iter().any(|check| check.name == *name) {
                checks.retain(|check| check.name != *name);
            } else {
                // From 17 on NOT NULL has a name too; there is no other constraint.
                *not_null = false;
            }
        }
        DomainAction::RenameConstraint { from, to } => {
            for check in checks.iter_mut().filter(|check| check.name == *from) {
                check.name = to.clone();
            }
        }
        DomainAction::ValidateConstraint(name) => {
            for check in checks.iter_mut().filter(|check| check.name == *name) {
                check.validated = true;
            }
        }
        DomainAction::OwnerTo(_) | DomainAction::RenameTo(_) | DomainAction::SetSchema(_) => {}
    }
    checks.sort_by(|a, b| a.name.cmp(&b.name));
    catalog.types.insert(full, ty);
    columns_follow(catalog);
}

/// What columns say of their domains.
fn columns_follow(catalog: &mut Catalog) {
    let mut tables = std::mem::take(&mut catalog.tables);
    for table in tables.values_mut() {
        for column in &mut table.columns {
            if let Some(facts) = domain(&column.ty, catalog) {
                column.not_null_domain = facts.not_null;
                column.constrained_domain = facts.constrained;
            }
        }
    }
    catalog.tables = tables;
}
