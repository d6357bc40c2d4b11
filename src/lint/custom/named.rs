//! What gets a name in a statement: new objects, and old ones under a new name.

use crate::{
    ident::Ident,
    lint::{
        context::Context,
        names::{self, Given, What},
    },
    parse::{
        StatementKind,
        statement::{AttachedKind, Persistence, RelationKind, Utility},
    },
    source::Span,
};

/// The kinds of objects whose names a rule can ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NameOf {
    /// Tables, foreign ones included.
    Table,
    /// Columns of tables.
    Column,
    /// Indexes.
    Index,
    /// Constraints of tables and domains.
    Constraint,
    /// Views and materialized views.
    View,
    /// Sequences.
    Sequence,
    /// Enums, domains, composite and other types.
    Type,
    /// Functions, procedures and aggregates.
    Function,
    /// Triggers.
    Trigger,
    /// Policies.
    Policy,
    /// Schemas.
    Schema,
}

impl NameOf {
    /// All, in the order of the reference.
    pub const ALL: [Self; 11] = [
        Self::Table,
        Self::Column,
        Self::Index,
        Self::Constraint,
        Self::View,
        Self::Sequence,
        Self::Type,
        Self::Function,
        Self::Trigger,
        Self::Policy,
        Self::Schema,
    ];

    /// The key in `naming`: the plural.
    pub fn key(self) -> &'static str {
        match self {
            Self::Table => "tables",
            Self::Column => "columns",
            Self::Index => "indexes",
            Self::Constraint => "constraints",
            Self::View => "views",
            Self::Sequence => "sequences",
            Self::Type => "types",
            Self::Function => "functions",
            Self::Trigger => "triggers",
            Self::Policy => "policies",
            Self::Schema => "schemas",
        }
    }

    /// The word for one.
    pub fn one(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Column => "column",
            Self::Index => "index",
            Self::Constraint => "constraint",
            Self::View => "view",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Function => "function",
            Self::Trigger => "trigger",
            Self::Policy => "policy",
            Self::Schema => "schema",
        }
    }
}

/// Something that gets a name.
pub struct Named<'s> {
    /// What it is.
    pub of: NameOf,
    /// Its name.
    pub name: &'s Ident,
    /// The table or view it is, or is of.
    pub table: Option<&'s Ident>,
    /// Its place.
    pub span: Span,
}

/// Everything that a statement gives a name. What PostgreSQL names by itself is not there, nor
/// what goes with the session.
pub fn named<'s>(context: &Context<'s>) -> Vec<Named<'s>> {
    if is_temporary(context) {
        return Vec::new();
    }
    let given = names::given(context.statement).into_iter();
    given
        .filter_map(|given| {
            let of = what(context, &given)?;
            let written = given.written(context);
            Some(Named {
                of,
                name: given.name,
                table: table(context, of, &given),
                span: written.map_or(given.within, |written| written.span),
            })
        })
        .collect()
}

fn is_temporary(context: &Context<'_>) -> bool {
    let persistence = match &context.statement.kind {
        StatementKind::CreateTable(create) => Some(create.persistence),
        StatementKind::Opaque(_) => match context.utility() {
            Some(Utility::CreateView(view)) => Some(view.persistence),
            Some(Utility::SelectInto(into)) => Some(into.persistence),
            Some(Utility::CreateSequence(create)) => Some(create.persistence),
            Some(_) | None => None,
        },
        StatementKind::AlterRelation(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => None,
    };
    persistence == Some(Persistence::Temporary)
}

/// What it is; `None` for what rules cannot ask about.
fn what(context: &Context<'_>, given: &Given<'_>) -> Option<NameOf> {
    Some(match given.what {
        What::Table => NameOf::Table,
        What::Column => NameOf::Column,
        What::Index => NameOf::Index,
        What::Constraint => NameOf::Constraint,
        What::View => NameOf::View,
        What::Sequence => NameOf::Sequence,
        What::Type | What::Domain => NameOf::Type,
        What::Function | What::Aggregate => NameOf::Function,
        What::Trigger => NameOf::Trigger,
        What::Policy => NameOf::Policy,
        What::Schema => NameOf::Schema,
        What::Relation => match context.alter()?.kind {
            RelationKind::Table | RelationKind::ForeignTable => NameOf::Table,
            RelationKind::Index => NameOf::Index,
            RelationKind::View | RelationKind::MaterializedView => NameOf::View,
            RelationKind::Sequence => NameOf::Sequence,
        },
        What::Attached => match context.utility() {
            Some(Utility::AlterAttached(alter)) => match alter.kind {
                AttachedKind::Trigger => NameOf::Trigger,
                AttachedKind::Policy => NameOf::Policy,
                AttachedKind::Rule => return None,
            },
            Some(_) | None => return None,
        },
        What::Attribute | What::Rule | What::Publication | What::Statistics => return None,
    })
}

/// The table or view that it is, or is of.
fn table<'s>(context: &Context<'s>, of: NameOf, given: &Given<'s>) -> Option<&'s Ident> {
    match of {
        NameOf::Table | NameOf::View => Some(given.name),
        NameOf::Column | NameOf::Index | NameOf::Constraint | NameOf::Trigger | NameOf::Policy => {
            let domain = matches!(
                context.utility(),
                Some(Utility::CreateDomain(_) | Utility::AlterDomain(_))
            );
            let first = names::objects(context.statement).into_iter().next();
            first.filter(|_| !domain).map(|table| &table.name)
        }
        NameOf::Sequence | NameOf::Type | NameOf::Function | NameOf::Schema => None,
    }
}
