//! `published-without-identity`: updates and deletes of a published table are refused, because
//! nothing tells its rows apart.

use std::collections::BTreeSet;

use crate::{
    catalog::{Catalog, Table, TableKind},
    diagnostic::Diagnostic,
    ident::{Ident, ObjectName},
    lint::{context::Context, rule::Rule},
    parse::{
        StatementKind,
        statement::{OptionValue, PublicationAction, PublicationObject, Utility},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "published-without-identity",
    include_str!("../../../lints/published-without-identity.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let tables: Vec<ObjectName> = match &context.statement.kind {
        StatementKind::Opaque(_) => match context.utility() {
            Some(Utility::CreatePublication(create)) => {
                if only_inserts(&create.options) {
                    return Vec::new();
                }
                if create.all_tables {
                    context.after.tables.keys().cloned().collect()
                } else {
                    published(context, &create.objects)
                }
            }
            Some(Utility::AlterPublication(alter)) => match &alter.action {
                PublicationAction::Add(objects) | PublicationAction::Set(objects) => {
                    published(context, objects)
                }
                PublicationAction::Drop(_)
                | PublicationAction::SetOptions(_)
                | PublicationAction::RenameTo(_)
                | PublicationAction::OwnerTo(_) => return Vec::new(),
            },
            Some(_) | None => return Vec::new(),
        },
        // What told the rows of a published table apart goes.
        StatementKind::AlterRelation(_) | StatementKind::Drop(_) => published_above(context),
        StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => return Vec::new(),
    };
    let mut bad = BTreeSet::new();
    for name in &tables {
        for member in context.after.family(name) {
            let was_bad = context.before.tables.get(&member.name).is_some_and(|known| {
                !known.publications.is_empty() && !tells_rows_apart(known)
            });
            if stores(member) && !tells_rows_apart(member) && !was_bad && !context.is_new(&member.name) {
                bad.insert(member.name.clone());
            }
        }
    }
    let Some(first) = bad.first() else {
        return Vec::new();
    };
    vec![
        RULE.finding(
            context.statement.span,
            format!(
                "Every UPDATE and DELETE on {} fails from now on with `does not have a replica \
                 identity and publishes updates`: nothing tells its rows apart.",
                context.named(&bad)
            ),
        )
        .with_help(format!(
            "First add a primary key, or `ALTER TABLE {} REPLICA IDENTITY USING INDEX …` with a \
             unique index over NOT NULL columns; or publish inserts only: `WITH (publish = \
             'insert')`.",
            first.short()
        )),
    ]
}

/// The published tables that the statement changes, or changes a partition of.
fn published_above(context: &Context<'_>) -> Vec<ObjectName> {
    let changed = context.after.tables.differences(&context.before.tables).new;
    let mut todo: Vec<&ObjectName> = changed.iter().map(|(name, _)| name).collect();
    let mut seen: BTreeSet<&ObjectName> = BTreeSet::new();
    let mut found = Vec::new();
    while let Some(name) = todo.pop() {
        let Some(table) = context.before.tables.get(name).filter(|_| seen.insert(name)) else {
            continue;
        };
        // What is not published any more may be told apart by nothing.
        let still = context.after.tables.get(name);
        if still.is_some_and(|still| !still.publications.is_empty()) {
            found.push(name.clone());
        }
        todo.extend(&table.parents);
    }
    found
}

fn only_inserts(options: &[OptionValue]) -> bool {
    options
        .iter()
        .filter(|option| option.name.as_str() == "publish")
        .any(|option| {
            option.value.as_deref().is_some_and(|value| {
                let value = value.to_ascii_lowercase();
                !value.contains("update") && !value.contains("delete")
            })
        })
}

fn published(context: &Context<'_>, objects: &[PublicationObject]) -> Vec<ObjectName> {
    let in_schema = |schema: &Ident| -> Vec<ObjectName> {
        let tables = context.after.tables.keys();
        tables.filter(|name| name.schema == *schema).cloned().collect()
    };
    objects
        .iter()
        .flat_map(|object| match object {
            PublicationObject::Table { name, .. } => vec![context.before.resolve(name)],
            PublicationObject::TablesInSchema(Some(schema)) => in_schema(schema),
            PublicationObject::TablesInSchema(None) => current_schema(context.before)
                .map(in_schema)
                .unwrap_or_default(),
        })
        .collect()
}

fn current_schema(catalog: &Catalog) -> Option<&Ident> {
    catalog.search_path.first()
}

/// Whether rows are stored, and published, under this name.
fn stores(table: &Table) -> bool {
    match table.kind {
        TableKind::Table => table.permanent,
        TableKind::Partitioned | TableKind::Foreign | TableKind::MaterializedView => false,
    }
}

/// Whether the replica identity of the table names a row.
fn tells_rows_apart(table: &Table) -> bool {
    match table.replica_identity {
        'f' => true,
        'n' => false,
        'i' => table.indexes.iter().any(|index| index.replica_identity),
        _ => table.primary_key().is_some(),
    }
}
