//! What each utility statement is, which names it gives, and what it is about: the one list of
//! them that names, unqualified names and a project's own rules read.

use crate::{
    ident::{Ident, QualifiedName},
    lint::{
        custom::Kind,
        names::{self, Given, What},
    },
    parse::statement::{
        AttachedAction, DomainAction, FunctionAction, Persistence, PublicationAction, SchemaAction,
        TypeAction, TypeDefinition, Utility,
    },
    source::Span,
};

/// The parts of a utility statement.
#[derive(Debug, Clone)]
pub struct Parts<'s> {
    /// What it is.
    pub kind: Kind,
    /// The names that it gives, those that the server makes up left out.
    pub given: Vec<Given<'s>>,
    /// The objects with a schema that it makes, changes or drops; temporary ones have no schema to
    /// name.
    pub objects: Vec<&'s QualifiedName>,
    /// The relations that it locks, reads or writes anew without changing what they are.
    pub works_on: Vec<&'s QualifiedName>,
    within: Span,
}

impl<'s> Parts<'s> {
    fn new(kind: Kind, within: Span) -> Self {
        Self {
            kind,
            given: Vec::new(),
            objects: Vec::new(),
            works_on: Vec::new(),
            within,
        }
    }

    /// It gives a name.
    fn gives(mut self, what: What, name: &'s Ident) -> Self {
        let within = self.within;
        self.given.push(Given { what, name, within });
        self
    }

    fn gives_all(mut self, given: impl IntoIterator<Item = Given<'s>>) -> Self {
        self.given.extend(given);
        self
    }

    /// It is about an object that is there.
    fn about(mut self, object: &'s QualifiedName) -> Self {
        self.objects.push(object);
        self
    }

    /// It makes an object.
    fn makes(self, what: What, object: &'s QualifiedName, persistence: Persistence) -> Self {
        let this = self.gives(what, &object.name);
        match persistence {
            Persistence::Temporary => this,
            Persistence::Permanent | Persistence::Unlogged => this.about(object),
        }
    }

    fn working_on(mut self, relations: impl IntoIterator<Item = &'s QualifiedName>) -> Self {
        self.works_on.extend(relations);
        self
    }
}

/// The parts of a statement in a stretch of text.
pub fn parts(utility: &Utility, within: Span) -> Parts<'_> {
    let new = |kind| Parts::new(kind, within);
    let lasting = Persistence::Permanent;
    match utility {
        Utility::CreateView(view) => {
            let kind = if view.materialized {
                Kind::CreateMaterializedView
            } else {
                Kind::CreateView
            };
            let made = new(kind).makes(What::View, &view.name, view.persistence);
            let columns = view.columns.iter();
            columns.fold(made, |made, column| made.gives(What::Column, column))
        }
        Utility::SelectInto(into) => {
            new(Kind::SelectInto).makes(What::Table, &into.name, into.persistence)
        }
        Utility::Refresh(refresh) => new(Kind::RefreshMaterializedView).about(&refresh.name),
        Utility::CreateSequence(create) => {
            new(Kind::CreateSequence).makes(What::Sequence, &create.name, create.persistence)
        }
        Utility::CreateType(create) => {
            let made = new(Kind::CreateType).makes(What::Type, &create.name, lasting);
            match &create.definition {
                TypeDefinition::Composite(attributes) => {
                    attributes.iter().fold(made, |made, attribute| {
                        made.gives(What::Attribute, &attribute.name)
                    })
                }
                _ => made,
            }
        }
        Utility::AlterType(alter) => {
            let changed = new(Kind::AlterType).about(&alter.name);
            let actions = alter.actions.iter();
            actions.fold(changed, |changed, action| match action {
                TypeAction::AddAttribute { attribute, .. } => {
                    changed.gives(What::Attribute, &attribute.name)
                }
                TypeAction::RenameAttribute { to, .. } => changed.gives(What::Attribute, to),
                TypeAction::RenameTo(to) => changed.gives(What::Type, to),
                TypeAction::AddValue { .. }
                | TypeAction::RenameValue { .. }
                | TypeAction::DropAttribute { .. }
                | TypeAction::AlterAttribute { .. }
                | TypeAction::SetSchema(_)
                | TypeAction::OwnerTo(_)
                | TypeAction::SetOptions(_) => changed,
            })
        }
        Utility::CreateDomain(create) => new(Kind::CreateDomain)
            .makes(What::Domain, &create.name, lasting)
            .gives_all(names::of_column_constraints(&create.constraints)),
        Utility::AlterDomain(alter) => {
            let changed = new(Kind::AlterDomain).about(&alter.name);
            match &alter.action {
                DomainAction::AddConstraint(constraint) => {
                    let names = constraint.name.iter();
                    names.fold(changed, |changed, name| {
                        changed.gives(What::Constraint, name)
                    })
                }
                DomainAction::RenameConstraint { to, .. } => changed.gives(What::Constraint, to),
                DomainAction::RenameTo(to) => changed.gives(What::Domain, to),
                DomainAction::SetDefault(_)
                | DomainAction::DropDefault
                | DomainAction::SetNotNull
                | DomainAction::DropNotNull
                | DomainAction::DropConstraint { .. }
                | DomainAction::ValidateConstraint(_)
                | DomainAction::OwnerTo(_)
                | DomainAction::SetSchema(_) => changed,
            }
        }
        Utility::CreateTrigger(create) => new(Kind::CreateTrigger)
            .gives(What::Trigger, &create.name)
            .about(&create.table),
        Utility::CreateRule(create) => new(Kind::CreateRule)
            .gives(What::Rule, &create.name)
            .about(&create.table),
        Utility::CreatePolicy(create) => new(Kind::CreatePolicy)
            .gives(What::Policy, &create.name)
            .about(&create.table),
        Utility::AlterPolicy(alter) => new(Kind::AlterPolicy).about(&alter.table),
        Utility::AlterAttached(alter) => {
            let changed = new(Kind::RenameAttached).about(&alter.on);
            match &alter.action {
                AttachedAction::RenameTo(to) => changed.gives(What::Attached, to),
                AttachedAction::DependsOnExtension { .. } => changed,
            }
        }
        Utility::CreateFunction(create) => {
            new(Kind::CreateFunction).makes(What::Function, &create.name, lasting)
        }
        Utility::AlterFunction(alter) => {
            let changed = new(Kind::AlterFunction);
            match &alter.action {
                FunctionAction::RenameTo(to) => changed.gives(What::Function, to),
                FunctionAction::OwnerTo(_)
                | FunctionAction::SetSchema(_)
                | FunctionAction::DependsOnExtension { .. }
                | FunctionAction::Attributes { .. } => changed,
            }
        }
        Utility::CreateAggregate(create) => {
            new(Kind::CreateAggregate).makes(What::Aggregate, &create.name, lasting)
        }
        Utility::CreateSchema(create) => {
            let named = create.name.iter();
            named
                .fold(new(Kind::CreateSchema), |made, name| {
                    made.gives(What::Schema, name)
                })
                .gives_all(create.elements.iter().flat_map(names::given))
        }
        Utility::AlterSchema(alter) => {
            let changed = new(Kind::AlterSchema);
            match &alter.action {
                SchemaAction::RenameTo(to) => changed.gives(What::Schema, to),
                SchemaAction::OwnerTo(_) => changed,
            }
        }
        Utility::CreatePublication(create) => {
            new(Kind::CreatePublication).gives(What::Publication, &create.name)
        }
        Utility::AlterPublication(alter) => {
            let changed = new(Kind::AlterPublication);
            match &alter.action {
                PublicationAction::RenameTo(to) => changed.gives(What::Publication, to),
                PublicationAction::Add(_)
                | PublicationAction::Set(_)
                | PublicationAction::Drop(_)
                | PublicationAction::SetOptions(_)
                | PublicationAction::OwnerTo(_) => changed,
            }
        }
        Utility::CreateStatistics(create) => {
            let made = new(Kind::CreateStatistics).about(&create.table);
            let names = create.name.iter();
            names.fold(made, |made, name| made.gives(What::Statistics, &name.name))
        }
        Utility::AlterStatistics(_) => new(Kind::AlterStatistics),
        Utility::Do(_) => new(Kind::Do),
        Utility::CreateExtension(_) => new(Kind::CreateExtension),
        Utility::AlterExtension(_) => new(Kind::AlterExtension),
        Utility::Comment(_) => new(Kind::Comment),
        Utility::SecurityLabel(_) => new(Kind::SecurityLabel),
        Utility::Grant(grant) => new(granted(grant.revoke)),
        Utility::GrantRole(grant) => new(granted(grant.revoke)),
        Utility::DefaultPrivileges(_) => new(Kind::DefaultPrivileges),
        Utility::Reindex(reindex) => new(Kind::Reindex).working_on(&reindex.name),
        Utility::Cluster(cluster) => new(Kind::Cluster).working_on(&cluster.table),
        Utility::Vacuum(vacuum) => {
            let kind = if vacuum.analyze_only {
                Kind::Analyze
            } else {
                Kind::Vacuum
            };
            new(kind).working_on(vacuum.tables.iter().map(|table| &table.name))
        }
        Utility::Lock(lock) => {
            new(Kind::Lock).working_on(lock.relations.iter().map(|(_, name)| name))
        }
        Utility::MoveAll(_) => new(Kind::SetTablespace),
    }
}

fn granted(revoke: bool) -> Kind {
    if revoke { Kind::Revoke } else { Kind::Grant }
}
