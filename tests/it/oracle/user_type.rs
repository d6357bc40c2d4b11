//! Types and domains.

use zdm::parse::statement::{
    AlterDomain, Attribute, ColumnConstraintKind, CreateType, DomainAction, LabelPlace, TypeAction,
    TypeDefinition,
};

use super::{
    alter,
    form::{Form, word},
    names::{self, name},
    table,
    utility::{moved, owned, renamed},
};

pub(super) fn create_type(create: &CreateType) -> Form {
    let mut form = Form::new("CREATE TYPE", [name(&create.name)]);
    match &create.definition {
        TypeDefinition::Enum(labels) => {
            form.flag(true, "enum");
            form.subs.clone_from(labels);
        }
        TypeDefinition::Composite(attributes) => {
            form.flag(true, "composite");
            form.columns = attributes.iter().map(attribute).collect();
        }
        TypeDefinition::Range(options) => {
            form.flag(true, "range");
            form.sub(names::options(options));
        }
        TypeDefinition::Base(options) => {
            form.flag(true, "base");
            form.sub(names::options(options));
        }
        TypeDefinition::Shell => form.flag(true, "shell"),
    }
    form
}

fn attribute(attribute: &Attribute) -> String {
    format!(
        "{}{}",
        attribute.name.as_str(),
        attribute
            .collation
            .as_ref()
            .map_or(String::new(), |collation| format!(
                " collate:{}",
                name(collation)
            ))
    )
}

pub(super) fn type_action(action: &TypeAction) -> String {
    match action {
        TypeAction::AddValue {
            if_not_exists,
            value,
            place,
        } => format!(
            "add value{} {value}{}",
            word(*if_not_exists, "if not exists"),
            match place {
                None => String::new(),
                Some(LabelPlace::Before(label)) => format!(" before {label}"),
                Some(LabelPlace::After(label)) => format!(" after {label}"),
            }
        ),
        TypeAction::RenameValue { from, to } => format!("rename value {from} to {to}"),
        TypeAction::AddAttribute {
            attribute: added,
            behavior,
        } => format!(
            "add attribute {}{}",
            attribute(added),
            alter::cascade(*behavior)
        ),
        TypeAction::DropAttribute {
            if_exists,
            name,
            behavior,
        } => format!(
            "drop attribute{} {}{}",
            word(*if_exists, "if exists"),
            name.as_str(),
            alter::cascade(*behavior)
        ),
        TypeAction::AlterAttribute {
            attribute: changed,
            behavior,
        } => format!(
            "alter attribute {}{}",
            attribute(changed),
            alter::cascade(*behavior)
        ),
        TypeAction::RenameAttribute { from, to, behavior } => format!(
            "rename attribute {} to {}{}",
            from.as_str(),
            to.as_str(),
            alter::cascade(*behavior)
        ),
        TypeAction::RenameTo(new) => renamed(new),
        TypeAction::SetSchema(schema) => moved(schema),
        TypeAction::OwnerTo(role) => owned(role),
        TypeAction::SetOptions(options) => format!("set ({})", names::options(options)),
    }
}

pub(super) fn alter_domain(alter: &AlterDomain) -> Form {
    let mut form = Form::new("ALTER DOMAIN", [name(&alter.name)]);
    form.sub(match &alter.action {
        DomainAction::SetDefault(_) => "set default".to_owned(),
        DomainAction::DropDefault => "drop default".to_owned(),
        DomainAction::SetNotNull => "set not null".to_owned(),
        DomainAction::DropNotNull => "drop not null".to_owned(),
        DomainAction::AddConstraint(constraint) => format!(
            "add {}{}{}",
            constraint
                .name
                .as_ref()
                .map_or(String::new(), |name| format!("{}: ", name.as_str())),
            match &constraint.kind {
                ColumnConstraintKind::Check(_) => "check",
                // PostgreSQL calls what a domain checks by this name.
                ColumnConstraintKind::NotNull => "not null value",
                other => panic!("{other:?} is no constraint of a domain"),
            },
            table::attributes(constraint.attributes, false)
        ),
        DomainAction::DropConstraint {
            if_exists,
            name,
            behavior,
        } => format!(
            "drop constraint{} {}{}",
            word(*if_exists, "if exists"),
            name.as_str(),
            alter::cascade(*behavior)
        ),
        DomainAction::RenameConstraint { from, to } => {
            format!("rename constraint {} to {}", from.as_str(), to.as_str())
        }
        DomainAction::ValidateConstraint(name) => {
            format!("validate constraint {}", name.as_str())
        }
        DomainAction::OwnerTo(role) => owned(role),
        DomainAction::RenameTo(new) => renamed(new),
        DomainAction::SetSchema(schema) => moved(schema),
    });
    form
}
