//! `publication-change`: what subscribers of a logical replication get changes.

use crate::{
    diagnostic::{Diagnostic, Level},
    ident::{Ident, ObjectName},
    lint::{
        context::{Context, listed},
        rule::Rule,
    },
    parse::statement::{
        AlterActionKind, DropKind, PublicationAction, PublicationObject, ReplicaIdentity, Utility,
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "publication-change",
    include_str!("../../../lints/publication-change.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if let Some(drop) = context.drop() {
        if drop.kind != DropKind::Publication {
            return Vec::new();
        }
        let names: Vec<String> = drop.names.iter().map(ToString::to_string).collect();
        return vec![
            RULE.finding(
                context.statement.span,
                format!(
                    "Subscriptions to {} fail from now on, and the changes that their slots hold \
                     back can no longer be decoded for them.",
                    listed(&names)
                ),
            )
            .with_help("DROP SUBSCRIPTION on every subscriber first, which drops its slot too."),
        ];
    }
    if let Some(alter) = context.alter() {
        let table = context.before.resolve(&alter.name);
        if context.is_new(&table) {
            return Vec::new();
        }
        let full = alter.actions.iter().filter(|action| {
            action.kind == AlterActionKind::ReplicaIdentity(ReplicaIdentity::Full)
        });
        return full
            .map(|action| {
                RULE.finding_at(
                    Level::Info,
                    action.span,
                    format!(
                        "Every UPDATE and DELETE on {} writes the whole old row to the WAL from \
                         now on, and a subscriber without a fitting index reads its whole table \
                         for each.",
                        table.short()
                    ),
                )
                .with_help(identity(context, &table))
            })
            .collect();
    }
    let Some(Utility::AlterPublication(alter)) = context.utility() else {
        return Vec::new();
    };
    let at = context.statement.span;
    match &alter.action {
        PublicationAction::Drop(objects) => vec![
            RULE.finding(
                at,
                format!(
                    "Subscribers of {} get no change of {} any more, from the next one on, and \
                     are not told.",
                    alter.name,
                    listed(&named(context, objects))
                ),
            )
            .with_help("Run `ALTER SUBSCRIPTION … REFRESH PUBLICATION` on every subscriber, when nobody there relies on these rows."),
        ],
        PublicationAction::Set(objects) => {
            let kept: Vec<ObjectName> = objects.iter().filter_map(|o| table(context, o)).collect();
            let gone: Vec<String> = published(context, &alter.name)
                .into_iter()
                .filter(|name| !kept.contains(name))
                .map(|name| name.short())
                .collect();
            if gone.is_empty() || objects.iter().any(|object| table(context, object).is_none()) {
                return vec![added(context, &alter.name, objects)];
            }
            vec![
                RULE.finding(
                    at,
                    format!(
                        "Subscribers of {} get no change of {} any more: SET leaves only what it \
                         names.",
                        alter.name,
                        listed(&gone)
                    ),
                )
                .with_help("Use ADD, or name all tables."),
            ]
        }
        PublicationAction::Add(objects) => vec![added(context, &alter.name, objects)],
        PublicationAction::RenameTo(to) => vec![
            RULE.finding(
                at,
                format!(
                    "Subscriptions to {} fail from now on: the publication is called {to}.",
                    alter.name
                ),
            )
            .with_help(format!(
                "Make a publication {to} beside it, `ALTER SUBSCRIPTION … SET PUBLICATION {to}` on \
                 every subscriber, and drop {} then.",
                alter.name
            )),
        ],
        PublicationAction::SetOptions(_) | PublicationAction::OwnerTo(_) => Vec::new(),
    }
}

fn identity(context: &Context<'_>, table: &ObjectName) -> String {
    let known = context.before.tables.get(table);
    if known.is_some_and(|table| table.primary_key().is_some()) {
        return "Leave it at `REPLICA IDENTITY DEFAULT`: the primary key names the rows.".to_owned();
    }
    format!(
        "Give {} a primary key, or `REPLICA IDENTITY USING INDEX` with a unique index over NOT \
         NULL columns.",
        table.short()
    )
}

fn added(context: &Context<'_>, name: &Ident, objects: &[PublicationObject]) -> Diagnostic {
    RULE.finding_at(
        Level::Info,
        context.statement.span,
        format!(
            "Subscribers of {name} get nothing of {} before they refresh, and fail then if they \
             do not have the tables.",
            listed(&named(context, objects))
        ),
    )
    .with_help(
        "Make the tables on every subscriber first, then run `ALTER SUBSCRIPTION … REFRESH \
         PUBLICATION` there.",
    )
}

fn table(context: &Context<'_>, object: &PublicationObject) -> Option<ObjectName> {
    match object {
        PublicationObject::Table { name, .. } => Some(context.before.resolve(name)),
        PublicationObject::TablesInSchema(_) => None,
    }
}

fn named(context: &Context<'_>, objects: &[PublicationObject]) -> Vec<String> {
    objects
        .iter()
        .map(|object| match object {
            PublicationObject::Table { name, .. } => context.before.resolve(name).short(),
            PublicationObject::TablesInSchema(Some(schema)) => {
                format!("the tables in schema {schema}")
            }
            PublicationObject::TablesInSchema(None) => "the tables in the current schema".to_owned(),
        })
        .collect()
}

fn published(context: &Context<'_>, publication: &Ident) -> Vec<ObjectName> {
    context
        .before
        .tables
        .values()
        .filter(|table| table.publications.iter().any(|known| known.name == *publication))
        .map(|table| table.name.clone())
        .collect()
}
