//! `DROP`, statements on rows, transactions and settings.

use std::collections::BTreeSet;

use zdm::{
    ident::QualifiedName,
    parse::statement::{Data, DataKind, Drop, DropBehavior, DropKind, Set, Transaction, Update},
};

use super::{form::Form, names::name};

pub(super) fn drop(drop: &Drop) -> Form {
    let kind = match &drop.kind {
        DropKind::Table => "TABLE",
        DropKind::Index => "INDEX",
        DropKind::View => "VIEW",
        DropKind::MaterializedView => "MATERIALIZED VIEW",
        DropKind::Sequence => "SEQUENCE",
        DropKind::Type => "TYPE",
        DropKind::Domain => "DOMAIN",
        DropKind::Schema => "SCHEMA",
        DropKind::Function => "ROUTINE",
        DropKind::Trigger => "TRIGGER",
        DropKind::Policy => "POLICY",
        DropKind::Rule => "RULE",
        DropKind::Extension => "EXTENSION",
        DropKind::Statistics => "STATISTICS",
        DropKind::Publication => "PUBLICATION",
        DropKind::Other(words) if matches!(words.as_str(), "USER" | "GROUP") => "ROLE",
        DropKind::Other(words) => words,
    };
    let mut form = Form::new(
        format!("DROP {kind}"),
        drop.names.iter().chain(&drop.on).map(name),
    );
    form.flag(drop.if_exists, "if exists");
    form.flag(drop.behavior == DropBehavior::Cascade, "cascade");
    form.flag(drop.concurrently, "concurrently");
    form
}

/// The tables that are changed, as a set: a `WITH` list can change some too.
fn targets<'a>(names: impl IntoIterator<Item = &'a QualifiedName>) -> BTreeSet<String> {
    names.into_iter().map(name).collect()
}

pub(super) fn update(update: &Update) -> Form {
    let mut form = Form::new("UPDATE", [name(&update.table)]);
    form.columns = update.assignments.as_ref().map_or_else(
        || vec!["?".to_owned()],
        |list| list.iter().map(|(c, _)| c.as_str().to_owned()).collect(),
    );
    form.reads = targets(&update.reads);
    form
}

pub(super) fn data(data: &Data) -> Form {
    let kind = match data.kind {
        DataKind::Insert => "INSERT",
        DataKind::Update => "UPDATE",
        DataKind::Delete => "DELETE",
        DataKind::Merge => "MERGE",
        DataKind::Truncate => "TRUNCATE",
        DataKind::Copy => "COPY",
        DataKind::Select => "SELECT",
    };
    let mut form = match data.kind {
        DataKind::Truncate | DataKind::Copy => Form::new(kind, data.targets.iter().map(name)),
        DataKind::Insert
        | DataKind::Update
        | DataKind::Delete
        | DataKind::Merge
        | DataKind::Select => Form::new(kind, targets(&data.targets)),
    };
    if data.kind == DataKind::Update {
        form.columns = vec!["?".to_owned()];
    }
    form.reads = targets(&data.reads);
    form
}

pub(super) fn transaction(transaction: Transaction) -> Form {
    let kind = match transaction {
        Transaction::Begin => "begin",
        Transaction::Commit => "commit",
        Transaction::Rollback => "rollback",
        Transaction::Savepoint => "savepoint",
        Transaction::Release => "release",
        Transaction::RollbackTo => "rollback to",
    };
    Form::new(kind, [])
}

pub(super) fn setting(set: &Set) -> Form {
    let mut form = Form::new("SET", [set.name.clone()]);
    form.flag(set.local, "local");
    form.flag(set.value.is_none(), "default");
    form
}
