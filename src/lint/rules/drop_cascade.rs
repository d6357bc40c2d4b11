//! `drop-cascade`: CASCADE takes along what the statement does not name.

use crate::{
    catalog::{Catalog, ConstraintKind, TableKind},
    diagnostic::{Diagnostic, Level},
    ident::ObjectName,
    lint::{
        context::{Context, listed},
        rule::Rule,
    },
    parse::{
        StatementKind,
        statement::{AlterActionKind, DropBehavior, DropKind},
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "drop-cascade",
    include_str!("../../../lints/drop-cascade.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some((place, named)) = cascade(context) else {
        return Vec::new();
    };
    if !named.is_empty() && named.iter().all(|name| context.is_new(name)) {
        return Vec::new();
    }
    let gone = gone(context, &named);
    if gone.objects.is_empty() {
        if context.effects.unknown {
            return vec![
                RULE.finding(
                    place,
                    "CASCADE drops whatever depends on this, and zdm does not know what that is: \
                     columns, defaults, views, triggers and indexes can be among it.",
                )
                .with_help(HELP),
            ];
        }
        return vec![
            RULE.finding_at(
                Level::Info,
                place,
                "As far as zdm knows nothing depends on this, so CASCADE drops nothing; where it \
                 would, nobody has been asked.",
            )
            .with_help("Leave CASCADE out: the server then refuses if something depends on it."),
        ];
    }
    let (level, lost) = match gone.data {
        Data::Kept => (RULE.level(), ""),
        Data::Lost => (Level::Error, ", with the rows and values in them"),
    };
    vec![
        RULE.finding_at(
            level,
            place,
            format!("CASCADE drops {} too{lost}.", listed(&gone.objects)),
        )
        .with_help(HELP),
    ]
}

const HELP: &str = "Drop what depends on it by name, each where it hurts nobody, and leave CASCADE \
     out: the server then refuses to drop what was forgotten.";

/// Where the statement says CASCADE, and the relations that it names.
fn cascade(context: &Context<'_>) -> Option<(Span, Vec<ObjectName>)> {
    match &context.statement.kind {
        StatementKind::Drop(drop) => {
            if drop.behavior != DropBehavior::Cascade {
                return None;
            }
            let names = match drop.kind {
                DropKind::Table
                | DropKind::View
                | DropKind::MaterializedView
                | DropKind::Sequence
                | DropKind::Index => drop.names.iter().map(|n| context.before.resolve(n)).collect(),
                DropKind::Trigger | DropKind::Policy | DropKind::Rule => return None,
                DropKind::Type
                | DropKind::Domain
                | DropKind::Schema
                | DropKind::Function
                | DropKind::Extension
                | DropKind::Statistics
                | DropKind::Publication
                | DropKind::Other(_) => Vec::new(),
            };
            Some((context.statement.span, names))
        }
        StatementKind::AlterRelation(alter) => {
            let action = alter.actions.iter().find(|action| {
                matches!(
                    action.kind,
                    AlterActionKind::DropColumn {
                        behavior: DropBehavior::Cascade,
                        ..
                    } | AlterActionKind::DropConstraint {
                        behavior: DropBehavior::Cascade,
                        ..
                    }
                )
            })?;
            Some((action.span, vec![context.before.resolve(&alter.name)]))
        }
        StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_)
        | StatementKind::Opaque(_) => None,
    }
}

/// What goes without being named.
struct Gone {
    objects: Vec<String>,
    data: Data,
}

/// What becomes of the rows.
enum Data {
    Kept,
    Lost,
}

fn gone(context: &Context<'_>, named: &[ObjectName]) -> Gone {
    let (before, after) = (context.before, context.after);
    let mut gone = Gone {
        objects: Vec::new(),
        data: Data::Kept,
    };
    for name in before.views.keys() {
        let table_too = before.tables.contains_key(name);
        if !after.views.contains_key(name) && !named.contains(name) && !table_too {
            gone.objects.push(format!("view {}", name.short()));
        }
    }
    for (name, table) in &before.tables {
        if named.contains(name) || context.is_new(name) {
            continue;
        }
        let Some(left) = after.tables.get(name) else {
            if !is_partition(before, name) {
                let what = if table.kind == TableKind::MaterializedView {
                    "materialized view"
                } else {
                    gone.data = Data::Lost;
                    "table"
                };
                let size = context.size_in_words(name);
                gone.objects.push(format!("{what} {}{size}", name.short()));
            }
            continue;
        };
        for column in &table.columns {
            match left.column(&column.name) {
                None => {
                    gone.data = Data::Lost;
                    let of = name.short();
                    gone.objects.push(format!("column {} of {of}", column.name));
                }
                Some(kept) if kept.default.is_none() && column.default.is_some() => {
                    let of = name.short();
                    let default = format!("the default of column {} of {of}", column.name);
                    gone.objects.push(default);
                }
                Some(_) => {}
            }
        }
        for constraint in &table.constraints {
            let is_key = matches!(constraint.kind, ConstraintKind::ForeignKey { .. });
            if is_key && left.constraint(&constraint.name).is_none() {
                gone.objects
                    .push(format!("foreign key {} of {}", constraint.name, name.short()));
            }
        }
    }
    gone
}

/// Partitions go with their table in any case.
fn is_partition(catalog: &Catalog, name: &ObjectName) -> bool {
    catalog
        .tables
        .get(name)
        .is_some_and(|table| table.partition_bound.is_some())
}
