//! Statements with parts of their own besides those on tables: views, triggers, comments, grants
//! and all the other kinds.

use crate::{
    catalog::{Catalog, PgVersion, TableKind},
    effects::{Effects, LockMode, builder::Builder, maintenance, user_type, view},
    ident::{Ident, ObjectName, QualifiedName},
    parse::statement::{
        AttachedKind, Comment, CreateFunction, CreateRule, CreateTrigger, Grant, GrantObjects,
        ObjectReference, Opaque, PublicationAction, PublicationObject, SequenceOption,
        StatisticsAction, Utility,
    },
};

const AS: LockMode = LockMode::AccessShare;
const SUE: LockMode = LockMode::ShareUpdateExclusive;
const AE: LockMode = LockMode::AccessExclusive;

/// The effects of a statement whose parts are known.
pub(super) fn effects(utility: &Utility, opaque: &Opaque, catalog: &Catalog) -> Effects {
    let mut builder = Builder::new(catalog);
    let builder = &mut builder;
    match utility {
        Utility::CreateView(create) => view::create(builder, create),
        Utility::SelectInto(into) => view::made_by_query(builder, &into.reads, true),
        Utility::Refresh(refresh) => view::refresh(builder, refresh),
        Utility::CreateSequence(create) => {
            for option in &create.options {
                owned_by(builder, option);
            }
        }
        Utility::AlterType(alter) => user_type::alter(builder, alter),
        Utility::AlterDomain(alter) => user_type::alter_domain(builder, alter),
        Utility::CreateTrigger(create) => create_trigger(builder, create),
        Utility::CreateRule(create) => create_rule(builder, create, opaque),
        Utility::CreatePolicy(create) => {
            on_relation(builder, &create.table, AE);
            let exprs = [&create.using, &create.check].into_iter().flatten();
            read_by(
                builder,
                opaque,
                exprs.into_iter().any(|expr| expr.has_query),
            );
        }
        Utility::AlterPolicy(alter) => {
            on_relation(builder, &alter.table, AE);
            let exprs = [&alter.using, &alter.check].into_iter().flatten();
            read_by(
                builder,
                opaque,
                exprs.into_iter().any(|expr| expr.has_query),
            );
        }
        Utility::AlterAttached(alter) => {
            let name = on_relation(builder, &alter.on, AE);
            // The parts of a partitioned table's trigger are renamed with it, from 15 on.
            if alter.kind == AttachedKind::Trigger
                && catalog.version >= PgVersion::V15
                && is_partitioned(catalog, &name)
            {
                builder.lock_family(&name, AE);
            }
        }
        Utility::CreateFunction(create) => create_function(builder, create, opaque),
        Utility::CreatePublication(create) => {
            for object in &create.objects {
                publish(builder, object);
            }
        }
        Utility::AlterPublication(alter) => alter_publication(builder, &alter.name, &alter.action),
        Utility::CreateStatistics(create) => {
            on_relation(builder, &create.table, SUE);
        }
        Utility::AlterStatistics(alter) => {
            let name = catalog.resolve(&alter.name);
            let table = catalog
                .tables
                .values()
                .find(|table| table.statistics.iter().any(|(known, _)| *known == name));
            if table.is_none() && !alter.if_exists {
                builder.missing("statistics object", &name);
            }
            match &alter.action {
                // Only the object itself is looked at, not its table.
                StatisticsAction::SetTarget(_)
                | StatisticsAction::RenameTo(_)
                | StatisticsAction::OwnerTo(_)
                | StatisticsAction::SetSchema(_) => {}
            }
        }
        Utility::Comment(comment) => comment_on(builder, comment),
        Utility::SecurityLabel(label) => named(builder, &label.object, SUE),
        Utility::Grant(grant) => grant_on(builder, grant),
        Utility::Reindex(reindex) => maintenance::reindex(builder, reindex),
        Utility::Cluster(cluster) => maintenance::cluster(builder, cluster),
        Utility::Vacuum(vacuum) => maintenance::vacuum(builder, vacuum),
        Utility::Lock(lock) => maintenance::lock(builder, lock),
        // Objects of the whole tablespace, whichever they are; what a block or an extension's
        // script runs; what a schema's elements are.
        Utility::MoveAll(_) | Utility::Do(_) | Utility::AlterExtension(_) => {
            builder.effects.unknown = true;
        }
        Utility::CreateSchema(create) => builder.effects.unknown = !create.elements.is_empty(),
        // They lock no relation that was there before.
        Utility::CreateType(_)
        | Utility::CreateDomain(_)
        | Utility::CreateAggregate(_)
        | Utility::AlterFunction(_)
        | Utility::AlterSchema(_)
        | Utility::CreateExtension(_)
        | Utility::GrantRole(_)
        | Utility::DefaultPrivileges(_) => {}
    }
    std::mem::replace(builder, Builder::new(catalog)).done()
}

fn is_partitioned(catalog: &Catalog, name: &ObjectName) -> bool {
    catalog
        .tables
        .get(name)
        .is_some_and(|table| table.kind == TableKind::Partitioned)
}

/// Locks a relation that must be there.
fn on_relation(builder: &mut Builder<'_>, name: &QualifiedName, mode: LockMode) -> ObjectName {
    let name = builder.catalog.resolve(name);
    if !builder.catalog.has_relation(&name) {
        builder.missing("relation", &name);
    }
    builder.lock(&name, mode);
    name
}

/// The relations that a query inside the statement names.
fn read_by(builder: &mut Builder<'_>, opaque: &Opaque, has_query: bool) {
    if has_query {
        for name in &opaque.names {
            let name = builder.catalog.resolve(name);
            if builder.catalog.has_relation(&name) && builder.effects.lock_on(&name).is_none() {
                builder.lock(&name, AS);
            }
        }
    }
}

/// `OWNED BY` looks at the table.
pub(super) fn owned_by(builder: &mut Builder<'_>, option: &SequenceOption) {
    if let SequenceOption::OwnedBy(Some(owner)) = option {
        on_relation(builder, &owner.table, AS);
    }
}

fn create_trigger(builder: &mut Builder<'_>, create: &CreateTrigger) {
    let table = on_relation(builder, &create.table, LockMode::ShareRowExclusive);
    if create.each_row && is_partitioned(builder.catalog, &table) {
        builder.lock_family(&table, LockMode::ShareRowExclusive);
    }
    if let Some(from) = &create.from {
        on_relation(builder, from, AS);
    }
}

/// What the actions write is not told from what they read.
fn create_rule(builder: &mut Builder<'_>, create: &CreateRule, opaque: &Opaque) {
    let table = on_relation(builder, &create.table, AE);
    if create.actions.is_none() {
        return;
    }
    for name in &opaque.names {
        let name = builder.catalog.resolve(name);
        if name != table && builder.catalog.has_relation(&name) {
            builder.lock(&name, LockMode::RowExclusive);
        }
    }
}

/// The body of an SQL function is parsed when it is made, so what it names is looked at; a table
/// whose rows it takes or returns is so in any language.
fn create_function(builder: &mut Builder<'_>, create: &CreateFunction, opaque: &Opaque) {
    let sql = create
        .language
        .as_ref()
        .is_none_or(|language| language.as_str() == "sql");
    if !sql {
        return;
    }
    for name in &opaque.names {
        let name = builder.catalog.resolve(name);
        if builder.catalog.has_relation(&name) {
            builder.lock(&name, AS);
        }
    }
}

/// A table of a publication; its children by INHERITS come along, its partitions are not touched.
fn publish(builder: &mut Builder<'_>, object: &PublicationObject) {
    match object {
        PublicationObject::Table { only, name, .. } => {
            let name = on_relation(builder, name, SUE);
            if !only && !is_partitioned(builder.catalog, &name) {
                builder.lock_family(&name, SUE);
            }
        }
        PublicationObject::TablesInSchema(_) => {}
    }
}

fn alter_publication(builder: &mut Builder<'_>, name: &Ident, action: &PublicationAction) {
    match action {
        PublicationAction::Add(objects) | PublicationAction::Drop(objects) => {
            for object in objects {
                publish(builder, object);
            }
        }
        PublicationAction::Set(objects) => {
            for object in objects {
                publish(builder, object);
            }
            // Those that go are locked too.
            for table in builder.catalog.tables.values() {
                if table.publications.iter().any(|known| known.name == *name) {
                    builder.lock(&table.name, SUE);
                }
            }
        }
        PublicationAction::SetOptions(_)
        | PublicationAction::RenameTo(_)
        | PublicationAction::OwnerTo(_) => {}
    }
}

/// A comment on what hangs on a relation only looks at it.
fn comment_on(builder: &mut Builder<'_>, comment: &Comment) {
    if let Some(on) = &comment.object.on {
        // A constraint may be one of a domain.
        let on = builder.catalog.resolve(on);
        if builder.catalog.has_relation(&on) {
            builder.lock(&on, AS);
        }
        return;
    }
    named(builder, &comment.object, SUE);
}

fn named(builder: &mut Builder<'_>, object: &ObjectReference, mode: LockMode) {
    let Some(name) = &object.name else { return };
    if object.kind.is_relation() || object.column.is_some() {
        let name = builder.catalog.resolve(name);
        if builder.catalog.has_relation(&name) || !builder.catalog.complete {
            // The index of a primary key counts only where its own lock can hurt.
            builder.lock(&name, mode);
        } else {
            builder.missing("relation", &name);
        }
    } else if object.kind.as_str() == "STATISTICS" {
        // The object is locked, its table is not.
    }
}

/// From 18 on the relations named are locked, before they are not.
fn grant_on(builder: &mut Builder<'_>, grant: &Grant) {
    if builder.catalog.version < PgVersion::V18 {
        return;
    }
    match &grant.on {
        GrantObjects::Named { kind, names } => {
            if kind.is_relation() {
                for name in names {
                    on_relation(builder, name, AS);
                }
            }
        }
        // Those found by their schema are not.
        GrantObjects::AllInSchema { .. } | GrantObjects::Future(_) => {}
    }
}
