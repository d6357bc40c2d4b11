//! `key-index-build`: the index of a UNIQUE, PRIMARY KEY or EXCLUDE constraint is built while
//! nobody reads or writes the table.

use crate::{
    catalog::TableKind,
    diagnostic::Diagnostic,
    effects::Effects,
    ident::Ident,
    lint::{
        context::{Context, WorkKind},
        rule::Rule,
        rules::add_column_not_null,
        words,
    },
    parse::statement::{
        AlterActionKind, AlterRelation, ColumnConstraintKind, ColumnDef, TableConstraint, TableConstraintKind,
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "key-index-build",
    include_str!("../../../lints/key-index-build.md"),
    check,
)
.explaining();

/// A key that is added.
struct Key<'a> {
    what: &'static str,
    name: Option<&'a Ident>,
    /// Its columns; `None` for what cannot be built concurrently.
    columns: Option<Vec<&'a Ident>>,
    /// It comes with its column.
    inline: bool,
}

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(alter) = context.alter() else {
        return Vec::new();
    };
    context
        .subcommands()
        .filter_map(|(action, alone)| {
            let key = key(&action.kind, alone)?;
            let work = context.work_of(alone);
            // A rewrite is somebody else's, and builds every index anyway.
            if work.is_empty() || work.iter().any(|work| work.kind == WorkKind::Rewrite) {
                return None;
            }
            let name = key.name.map_or_else(String::new, |name| format!(" {name}"));
            let message = format!(
                "Building the index of {}{name} {}.",
                key.what,
                words::blocking(context, &work)
            );
            let table = alter.name.to_string();
            Some(
                RULE.finding(action.span, message)
                    .with_help(help(&key, &table, is_partitioned(context, alter))),
            )
        })
        .collect()
}

fn is_partitioned(context: &Context<'_>, alter: &AlterRelation) -> bool {
    let table = context.before.table(&alter.name);
    table.is_some_and(|table| table.kind == TableKind::Partitioned)
}

fn help(key: &Key<'_>, table: &str, partitioned: bool) -> String {
    let Some(columns) = &key.columns else {
        return "Nothing builds it while clients write: add it while nobody uses the table, or to \
                a new table that takes the place of this one."
            .to_owned();
    };
    let list: Vec<String> = columns.iter().map(ToString::to_string).collect();
    let list = list.join(", ");
    if partitioned {
        return format!(
            "A partitioned table takes no USING INDEX. First give each partition its key: `CREATE \
             UNIQUE INDEX CONCURRENTLY name ON partition ({list})`, outside of a transaction, and \
             `ALTER TABLE partition ADD CONSTRAINT name {} USING INDEX name`. Then this takes those \
             over and builds nothing. `zdm plan` does this.",
            key.what
        );
    }
    let index = key.name.map_or_else(
        || {
            let suffix = if key.what == "PRIMARY KEY" { "pkey" } else { "key" };
            let plain = table.rsplit('.').next().unwrap_or(table).trim_matches('"');
            let middle = if key.what == "PRIMARY KEY" {
                String::new()
            } else {
                let names: Vec<&str> = columns.iter().map(|column| column.as_str()).collect();
                format!("{}_", names.join("_"))
            };
            Ident::exact(format!("{plain}_{middle}{suffix}")).quoted()
        },
        Ident::quoted,
    );
    let first = if key.inline {
        "Add the column alone. Then `"
    } else {
        "`"
    };
    format!(
        "{first}CREATE UNIQUE INDEX CONCURRENTLY {index} ON {table} ({list})`, outside of a \
         transaction, and `ALTER TABLE {table} ADD CONSTRAINT {index} {} USING INDEX {index}`, which \
         takes the lock for a moment. `zdm plan` does this.",
        key.what
    )
}

fn key<'a>(action: &'a AlterActionKind, alone: &Effects) -> Option<Key<'a>> {
    match action {
        AlterActionKind::AddConstraint(constraint) => of_table(constraint),
        AlterActionKind::AddColumn { column, .. } => of_column(column, alone),
        _ => None,
    }
}

fn of_table(constraint: &TableConstraint) -> Option<Key<'_>> {
    let (what, columns) = match &constraint.kind {
        TableConstraintKind::Key(key) => {
            let what = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
            let plain = !key.without_overlaps;
            (what, plain.then(|| key.columns.iter().collect()))
        }
        TableConstraintKind::Exclude(_) => ("EXCLUDE", None),
        TableConstraintKind::Check(_)
        | TableConstraintKind::NotNull(_)
        | TableConstraintKind::KeyUsingIndex { .. }
        | TableConstraintKind::ForeignKey { .. } => return None,
    };
    Some(Key {
        what,
        name: constraint.name.as_ref(),
        columns,
        inline: false,
    })
}

fn of_column<'a>(column: &'a ColumnDef, alone: &Effects) -> Option<Key<'a>> {
    if add_column_not_null::fails(column, alone) {
        return None;
    }
    let (what, constraint) = column.constraints.iter().find_map(|constraint| {
        let what = match &constraint.kind {
            ColumnConstraintKind::Unique { .. } => "UNIQUE",
            ColumnConstraintKind::PrimaryKey => "PRIMARY KEY",
            ColumnConstraintKind::Default(_)
            | ColumnConstraintKind::NotNull
            | ColumnConstraintKind::Null
            | ColumnConstraintKind::Check(_)
            | ColumnConstraintKind::References(_)
            | ColumnConstraintKind::Generated { .. }
            | ColumnConstraintKind::Identity { .. } => return None,
        };
        Some((what, constraint))
    })?;
    Some(Key {
        what,
        name: constraint.name.as_ref(),
        columns: Some(vec![&column.name]),
        inline: true,
    })
}
