//! The names that a statement gives, and the objects that it names.

use crate::{
    ident::{Ident, QualifiedName},
    lint::{context::Context, parts, utility},
    parse::{
        Statement, StatementKind,
        statement::{
            AlterActionKind, ColumnConstraint, ColumnDef, CreateTable, Persistence, TableConstraint,
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
            .map_or_else(Vec::new, |utility| utility::parts(utility, whole).given),
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

/// The names that the constraints of a column or a domain are given.
pub fn of_column_constraints(constraints: &[ColumnConstraint]) -> impl Iterator<Item = Given<'_>> {
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
        StatementKind::Opaque(opaque) => {
            opaque.utility.as_deref().map_or_else(Vec::new, |opaque| {
                utility::parts(opaque, statement.span).objects
            })
        }
        StatementKind::Transaction(_) | StatementKind::Set(_) => Vec::new(),
    }
}
