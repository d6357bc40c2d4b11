//! The names that a statement gives, and the objects that it names.

use crate::{
    ident::{Ident, QualifiedName},
    lint::{context::Context, parts},
    parse::{
        Statement, StatementKind,
        statement::{
            AlterActionKind, AttachedAction, ColumnConstraint, ColumnDef, CreateTable,
            DomainAction, FunctionAction, Persistence, PublicationAction, SchemaAction,
            TableConstraint, TypeAction, TypeDefinition, Utility,
        },
        written::{self, Written},
    },
    source::Span,
};

/// What gets a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// A table.
    Table,
    /// A column.
    Column,
    /// An index.
    Index,
    /// A constraint.
    Constraint,
    /// A table, view, index or sequence that is renamed by `ALTER`.
    Relation,
    /// A view.
    View,
    /// A sequence.
    Sequence,
    /// A type.
    Type,
    /// A domain.
    Domain,
    /// An attribute of a composite type.
    Attribute,
    /// A trigger.
    Trigger,
    /// A rule.
    Rule,
    /// A policy.
    Policy,
    /// A trigger, policy or rule that is renamed.
    Attached,
    /// A function or procedure.
    Function,
    /// An aggregate function.
    Aggregate,
    /// A schema.
    Schema,
    /// A publication.
    Publication,
    /// An extended statistics object.
    Statistics,
}

impl What {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Index => "index",
            Self::Constraint => "constraint",
            Self::Relation => "relation",
            Self::View => "view",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Attribute => "attribute",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Attached => "trigger, policy or rule",
            Self::Function => "function",
            Self::Aggregate => "aggregate",
            Self::Schema => "schema",
            Self::Publication => "publication",
            Self::Statistics => "statistics object",
        }
    }
}

/// A name that a statement gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given<'a> {
    /// What is called so.
    pub what: What,
    /// The name as stored.
    pub name: &'a Ident,
    /// The part of the statement that holds it.
    pub within: Span,
}

impl<'a> Given<'a> {
    /// The name as it is written, with its place in the file.
    pub fn written(&self, context: &Context<'a>) -> Option<Written<'a>> {
        let text = context.slice(self.within);
        let mut all = written::written(text).into_iter();
        let mut found = all.find(|one| one.stored() == *self.name)?;
        found.span = Span::new(
            found.span.start + self.within.start,
            found.span.end + self.within.start,
        );
        Some(found)
    }
}

/// The names that a statement gives, those that the server makes up left out.
pub fn given(statement: &Statement) -> Vec<Given<'_>> {
    let whole = statement.span;
    let one = |what, name| Given {
        what,
        name,
        within: whole,
    };
    match &statement.kind {
        StatementKind::CreateTable(create) => of_table(create, whole),
        StatementKind::AlterRelation(alter) => {
            let actions = alter.actions.iter();
            actions
                .flat_map(|action| of_action(&action.kind, action.span))
                .collect()
        }
        StatementKind::CreateIndex(create) => create
            .name
            .iter()
            .map(|name| one(What::Index, name))
            .collect(),
        StatementKind::Opaque(opaque) => opaque
            .utility
            .as_deref()
            .map_or_else(Vec::new, |utility| of_utility(utility, whole)),
        StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => Vec::new(),
    }
}

fn of_table(create: &CreateTable, whole: Span) -> Vec<Given<'_>> {
    let mut found = vec![Given {
        what: What::Table,
        name: &create.name.name,
        within: whole,
    }];
    let columns = create.columns.iter();
    if create.partition_of.is_none() && create.of_type.is_none() {
        found.extend(columns.clone().map(of_column));
    }
    let on_columns = columns.flat_map(|column| of_column_constraints(&column.constraints));
    found.extend(on_columns);
    found.extend(create.constraints.iter().filter_map(of_constraint));
    found
}

fn of_column(column: &ColumnDef) -> Given<'_> {
    Given {
        what: What::Column,
        name: &column.name,
        within: column.span,
    }
}

fn of_column_constraints(constraints: &[ColumnConstraint]) -> impl Iterator<Item = Given<'_>> {
    constraints.iter().filter_map(|constraint| {
        Some(Given {
            what: What::Constraint,
            name: constraint.name.as_ref()?,
            within: constraint.span,
        })
    })
}

fn of_constraint(constraint: &TableConstraint) -> Option<Given<'_>> {
    Some(Given {
        what: What::Constraint,
        name: constraint.name.as_ref()?,
        within: constraint.span,
    })
}

fn of_action(action: &AlterActionKind, within: Span) -> Vec<Given<'_>> {
    let one = |what, name| vec![Given { what, name, within }];
    match action {
        AlterActionKind::AddColumn { column, .. } => {
            let mut found = vec![of_column(column)];
            found.extend(of_column_constraints(&column.constraints));
            found
        }
        AlterActionKind::AddConstraint(constraint) => {
            of_constraint(constraint).into_iter().collect()
        }
        AlterActionKind::RenameTo(to) => one(What::Relation, to),
        AlterActionKind::RenameColumn { to, .. } => one(What::Column, to),
        AlterActionKind::RenameConstraint { to, .. } => one(What::Constraint, to),
        _ => Vec::new(),
    }
}

fn of_utility(utility: &Utility, within: Span) -> Vec<Given<'_>> {
    let name = |what, name| Given { what, name, within };
    let one = |what, given| vec![name(what, given)];
    match utility {
        Utility::CreateView(view) => {
            let mut found = one(What::View, &view.name.name);
            found.extend(view.columns.iter().map(|column| name(What::Column, column)));
            found
        }
        Utility::SelectInto(into) => one(What::Table, &into.name.name),
        Utility::CreateSequence(create) => one(What::Sequence, &create.name.name),
        Utility::CreateType(create) => {
            let mut found = one(What::Type, &create.name.name);
            if let TypeDefinition::Composite(attributes) = &create.definition {
                let attributes = attributes.iter();
                found.extend(attributes.map(|attribute| name(What::Attribute, &attribute.name)));
            }
            found
        }
        Utility::AlterType(alter) => {
            let given = alter.actions.iter().filter_map(|action| match action {
                TypeAction::AddAttribute { attribute, .. } => {
                    Some(name(What::Attribute, &attribute.name))
                }
                TypeAction::RenameAttribute { to, .. } => Some(name(What::Attribute, to)),
                TypeAction::RenameTo(to) => Some(name(What::Type, to)),
                TypeAction::AddValue { .. }
                | TypeAction::RenameValue { .. }
                | TypeAction::DropAttribute { .. }
                | TypeAction::AlterAttribute { .. }
                | TypeAction::SetSchema(_)
                | TypeAction::OwnerTo(_)
                | TypeAction::SetOptions(_) => None,
            });
            given.collect()
        }
        Utility::CreateDomain(create) => {
            let mut found = one(What::Domain, &create.name.name);
            found.extend(of_column_constraints(&create.constraints));
            found
        }
        Utility::AlterDomain(alter) => match &alter.action {
            DomainAction::AddConstraint(constraint) => {
                let given = constraint.name.iter();
                given.map(|given| name(What::Constraint, given)).collect()
            }
            DomainAction::RenameConstraint { to, .. } => one(What::Constraint, to),
            DomainAction::RenameTo(to) => one(What::Domain, to),
            DomainAction::SetDefault(_)
            | DomainAction::DropDefault
            | DomainAction::SetNotNull
            | DomainAction::DropNotNull
            | DomainAction::DropConstraint { .. }
            | DomainAction::ValidateConstraint(_)
            | DomainAction::OwnerTo(_)
            | DomainAction::SetSchema(_) => Vec::new(),
        },
        Utility::CreateTrigger(create) => one(What::Trigger, &create.name),
        Utility::CreateRule(create) => one(What::Rule, &create.name),
        Utility::CreatePolicy(create) => one(What::Policy, &create.name),
        Utility::AlterAttached(alter) => match &alter.action {
            AttachedAction::RenameTo(to) => one(What::Attached, to),
            AttachedAction::DependsOnExtension { .. } => Vec::new(),
        },
        Utility::CreateFunction(create) => one(What::Function, &create.name.name),
        Utility::AlterFunction(alter) => match &alter.action {
            FunctionAction::RenameTo(to) => one(What::Function, to),
            FunctionAction::OwnerTo(_)
            | FunctionAction::SetSchema(_)
            | FunctionAction::DependsOnExtension { .. }
            | FunctionAction::Attributes { .. } => Vec::new(),
        },
        Utility::CreateAggregate(create) => one(What::Aggregate, &create.name.name),
        Utility::CreateSchema(create) => {
            let named = create.name.iter().map(|given| name(What::Schema, given));
            named
                .chain(create.elements.iter().flat_map(given))
                .collect()
        }
        Utility::AlterSchema(alter) => match &alter.action {
            SchemaAction::RenameTo(to) => one(What::Schema, to),
            SchemaAction::OwnerTo(_) => Vec::new(),
        },
        Utility::CreatePublication(create) => one(What::Publication, &create.name),
        Utility::AlterPublication(alter) => match &alter.action {
            PublicationAction::RenameTo(to) => one(What::Publication, to),
            PublicationAction::Add(_)
            | PublicationAction::Set(_)
            | PublicationAction::Drop(_)
            | PublicationAction::SetOptions(_)
            | PublicationAction::OwnerTo(_) => Vec::new(),
        },
        Utility::CreateStatistics(create) => {
            let given = create.name.iter();
            given
                .map(|given| name(What::Statistics, &given.name))
                .collect()
        }
        Utility::Refresh(_)
        | Utility::AlterPolicy(_)
        | Utility::Do(_)
        | Utility::CreateExtension(_)
        | Utility::AlterExtension(_)
        | Utility::AlterStatistics(_)
        | Utility::Comment(_)
        | Utility::SecurityLabel(_)
        | Utility::Grant(_)
        | Utility::GrantRole(_)
        | Utility::DefaultPrivileges(_)
        | Utility::Reindex(_)
        | Utility::Cluster(_)
        | Utility::Vacuum(_)
        | Utility::Lock(_)
        | Utility::MoveAll(_) => Vec::new(),
    }
}

/// The objects with a schema that a statement makes, changes or drops, under the names that are
/// written; temporary ones have no schema to name.
pub fn objects(statement: &Statement) -> Vec<&QualifiedName> {
    match &statement.kind {
        StatementKind::CreateTable(create) => match create.persistence {
            Persistence::Temporary => Vec::new(),
            Persistence::Permanent | Persistence::Unlogged => vec![&create.name],
        },
        StatementKind::AlterRelation(alter) => vec![&alter.name],
        StatementKind::CreateIndex(create) => vec![&create.table],
        StatementKind::Drop(drop) => match &drop.on {
            Some(on) => vec![on],
            None => drop
                .names
                .iter()
                .filter(|_| parts::in_schemas(&drop.kind))
                .collect(),
        },
        StatementKind::Update(update) => vec![&update.table],
        StatementKind::Data(data) => data.targets.iter().collect(),
        StatementKind::Opaque(opaque) => opaque
            .utility
            .as_deref()
            .map_or_else(Vec::new, objects_of_utility),
        StatementKind::Transaction(_) | StatementKind::Set(_) => Vec::new(),
    }
}

fn objects_of_utility(utility: &Utility) -> Vec<&QualifiedName> {
    let lasting = |persistence, name| match persistence {
        Persistence::Temporary => Vec::new(),
        Persistence::Permanent | Persistence::Unlogged => vec![name],
    };
    match utility {
        Utility::CreateView(view) => lasting(view.persistence, &view.name),
        Utility::SelectInto(into) => lasting(into.persistence, &into.name),
        Utility::CreateSequence(create) => lasting(create.persistence, &create.name),
        Utility::Refresh(refresh) => vec![&refresh.name],
        Utility::CreateType(create) => vec![&create.name],
        Utility::AlterType(alter) => vec![&alter.name],
        Utility::CreateDomain(create) => vec![&create.name],
        Utility::AlterDomain(alter) => vec![&alter.name],
        Utility::CreateTrigger(create) => vec![&create.table],
        Utility::CreateRule(create) => vec![&create.table],
        Utility::CreatePolicy(create) => vec![&create.table],
        Utility::AlterPolicy(alter) => vec![&alter.table],
        Utility::AlterAttached(alter) => vec![&alter.on],
        Utility::CreateFunction(create) => vec![&create.name],
        Utility::CreateAggregate(create) => vec![&create.name],
        Utility::CreateStatistics(create) => vec![&create.table],
        Utility::AlterFunction(_)
        | Utility::Do(_)
        | Utility::CreateSchema(_)
        | Utility::AlterSchema(_)
        | Utility::CreateExtension(_)
        | Utility::AlterExtension(_)
        | Utility::CreatePublication(_)
        | Utility::AlterPublication(_)
        | Utility::AlterStatistics(_)
        | Utility::Comment(_)
        | Utility::SecurityLabel(_)
        | Utility::Grant(_)
        | Utility::GrantRole(_)
        | Utility::DefaultPrivileges(_)
        | Utility::Reindex(_)
        | Utility::Cluster(_)
        | Utility::Vacuum(_)
        | Utility::Lock(_)
        | Utility::MoveAll(_) => Vec::new(),
    }
}
