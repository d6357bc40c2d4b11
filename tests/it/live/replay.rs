//! Replaying statements gives the catalog that a server has after running them.
//!
//! Compared is what both can know: columns with types, nullability and identity, the names, kinds,
//! columns and validity of constraints, the names and keys of indexes, sequences and who owns
//! them, parents and children. Expressions are not: the server prints them in its own way.

use std::{collections::BTreeSet, fmt::Write as _};

use zdm::{
    catalog::{Catalog, ConstraintKind, PgVersion, Table, UserTypeKind, apply},
    parse::parse,
    source::SourceFile,
};

use crate::{
    live::introspect::catalog_of,
    support::{
        phases::plainly,
        server::{fresh_database, versions},
    },
};

/// Scripts, each replayed from an empty database. `-- since N` at the beginning of one names the
/// first version that knows its syntax.
const SCRIPTS: &str = include_str!("replay/scripts.sql");

#[tokio::test]
async fn a_replayed_catalog_is_that_of_the_server() {
    let scripts: Vec<&str> = SCRIPTS
        .split("-- script: ")
        .filter(|script| !script.trim().is_empty())
        .skip(1)
        .collect();
    assert!(scripts.len() > 10);
    let mut wrong = Vec::new();
    for version in versions() {
        let major = PgVersion::from_major(version).expect("a supported version");
        for script in &scripts {
            let (title, sql) = script.split_once('\n').expect("a title");
            let since = title
                .split_once("since ")
                .map_or(14, |(_, since)| since.trim().parse().expect("a version"));
            if version < since {
                continue;
            }
            let db = fresh_database(version, "").await;
            // One by one: as one message they would be one transaction.
            plainly(&mut db.connect().await, sql)
                .await
                .unwrap_or_else(|error| panic!("{version} {title}: {error}"));
            let live = described(&catalog_of(&db).await);
            let mut replayed = Catalog::empty(major);
            let parsed = parse(SourceFile::new(title, sql));
            assert!(
                parsed.diagnostics.is_empty(),
                "{title}: {:?}",
                parsed.diagnostics
            );
            for statement in &parsed.statements {
                apply(&mut replayed, statement, sql);
            }
            assert_eq!(
                replayed.complete,
                !title.contains("incomplete"),
                "{version} {title}"
            );
            let replayed = described(&replayed);
            for line in live.lines().filter(|line| !replayed.contains(*line)) {
                wrong.push(format!("{version} {title}: the server has {line}"));
            }
            for line in replayed.lines().filter(|line| !live.contains(*line)) {
                wrong.push(format!("{version} {title}: only replayed {line}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The facts, one each.
pub(crate) fn facts(described: &str) -> BTreeSet<&str> {
    described.lines().collect()
}

/// One line per fact.
pub(crate) fn described(catalog: &Catalog) -> String {
    let mut out = String::new();
    for table in catalog.tables.values() {
        describe_table(table, &mut out);
    }
    for sequence in catalog.sequences.values() {
        let owner = sequence
            .owned_by
            .as_ref()
            .map(|(table, column)| format!("{table} {column}"));
        let _ = writeln!(
            out,
            "<sequence {} {owner:?} {}>",
            sequence.name, sequence.identity
        );
    }
    for view in catalog.views.values() {
        let reads: BTreeSet<String> = view
            .reads
            .iter()
            .map(|(relation, column)| match column {
                Some(column) => format!("{relation}.{column}"),
                None => relation.to_string(),
            })
            .collect();
        let columns: Vec<_> = view.columns.iter().map(|c| (&c.name, &c.ty)).collect();
        let comments: Vec<_> = view.columns.iter().map(|c| &c.comment).collect();
        let grants: Vec<_> = view
            .columns
            .iter()
            .map(|c| granted(c.acl.as_ref()))
            .collect();
        let _ = writeln!(
            out,
            "<said of view {} {:?} {comments:?} {:?} {grants:?}>",
            view.name,
            view.comment,
            granted(view.acl.as_ref()),
        );
        let _ = writeln!(
            out,
            "<view {} {} {} {:?} {:?} reads {reads:?}>",
            view.name, view.materialized, view.has_triggers, view.options, columns
        );
    }
    for ty in catalog.types.values() {
        let kind = match &ty.kind {
            UserTypeKind::Domain {
                base,
                not_null,
                checks,
                default,
            } => {
                let checks: Vec<_> = checks.iter().map(|c| (&c.name, c.validated)).collect();
                format!(
                    "domain {base} {not_null} {checks:?} default {}",
                    default.is_some()
                )
            }
            kind => format!("{kind:?}"),
        };
        let _ = writeln!(out, "<type {} {kind}>", ty.name);
    }
    for (name, overloads) in &catalog.functions {
        for one in overloads {
            let _ = writeln!(
                out,
                "<function {name} {:?} {}>",
                one.volatility, one.language
            );
        }
    }
    out
}

/// Grants to others than the owner: of the owner's own a replay knows nothing.
fn granted(acl: Option<&Vec<String>>) -> BTreeSet<String> {
    let items = acl.into_iter().flatten();
    items
        .filter_map(|item| item.rsplit_once('/'))
        .map(|(item, _)| item.to_owned())
        .filter(|item| !item.starts_with("postgres="))
        .collect()
}

fn describe_table(table: &Table, out: &mut String) {
    let name = &table.name;
    let _ = writeln!(
        out,
        "<table {name} {:?} {} parents {:?} children {:?} key {:?} {} rls {} {} ri {}>",
        table.kind,
        table.permanent,
        table.parents,
        table.children,
        table.partition_columns,
        keyed_by(table),
        table.row_security,
        table.force_row_security,
        table.replica_identity
    );
    let _ = writeln!(
        out,
        "<said of {name} {:?} {:?}>",
        table.comment,
        granted(table.acl.as_ref())
    );
    let order: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    let _ = writeln!(out, "<order {name} {order:?}>");
    for column in &table.columns {
        let _ = writeln!(
            out,
            "<column {name} {} {} not null {} {:?} default {} identity {:?} generated {:?} \
             collation {:?} domain {} {} inherited {}>",
            column.name,
            column.ty,
            column.not_null,
            column.not_null_constraint,
            column.default.is_some(),
            column.identity,
            column.generated.as_ref().map(|g| (g.stored, &g.columns)),
            column.collation,
            column.not_null_domain,
            column.constrained_domain,
            column.inherited,
        );
    }
    for column in &table.columns {
        let options: BTreeSet<&String> = column.options.iter().collect();
        let _ = writeln!(
            out,
            "<kept of {name} {} {:?} {:?} {:?} {options:?} {:?} {:?} {:?}>",
            column.name,
            column.storage,
            column.compression,
            column.statistics_target,
            column.comment,
            column.not_null_comment,
            granted(column.acl.as_ref()),
        );
    }
    let comments = table
        .constraints
        .iter()
        .map(|one| (&one.name, &one.comment));
    let comments = comments.chain(table.indexes.iter().map(|one| (&one.name, &one.comment)));
    for (one, comment) in comments.filter(|(_, comment)| comment.is_some()) {
        let _ = writeln!(out, "<said on {name} {one} {comment:?}>");
    }
    for constraint in &table.constraints {
        let detail = match &constraint.kind {
            ConstraintKind::Check { columns, .. } => format!("check {columns:?}"),
            other => format!("{other:?}"),
        };
        let definition = match &constraint.kind {
            ConstraintKind::Check { .. } | ConstraintKind::Exclude { .. } => "",
            _ => &constraint.definition,
        };
        let _ = writeln!(
            out,
            "<constraint {name} {} {detail} valid {} deferrable {} {} no inherit {} {definition}>",
            constraint.name,
            constraint.validated,
            constraint.deferrable,
            constraint.deferred,
            constraint.no_inherit && matches!(constraint.kind, ConstraintKind::Check { .. }),
        );
    }
    for index in &table.indexes {
        let keys: Vec<_> = index
            .keys
            .iter()
            .map(|key| (&key.column, key.expr.is_some()))
            .collect();
        let _ = writeln!(
            out,
            "<index {name} {} {} {keys:?} include {:?} predicate {} names {:?} unique {} {} valid {} \
             of {:?} part of {:?} clustered {} identity {}>",
            index.name,
            index.method,
            index.include,
            index.predicate.is_some(),
            index.expression_columns,
            index.unique,
            index.nulls_not_distinct,
            index.valid,
            index.constraint,
            index.parent,
            index.clustered,
            index.replica_identity,
        );
    }
    for trigger in &table.triggers {
        let _ = writeln!(
            out,
            "<trigger {name} {} {} {} {} {:?} {:?} {} {}>",
            trigger.name,
            trigger.before_row,
            trigger.on_insert,
            trigger.on_update,
            trigger.columns,
            trigger.when_columns,
            trigger.enabled,
            trigger.cloned
        );
    }
    for policy in &table.policies {
        let _ = writeln!(out, "<policy {name} {} {:?}>", policy.name, policy.columns);
    }
    for (statistics, columns) in &table.statistics {
        let _ = writeln!(out, "<statistics {name} {statistics} {columns:?}>");
    }
}

/// Whether its partition key is a list of columns or holds an expression.
fn keyed_by(table: &Table) -> &'static str {
    let key = table.partition_key.as_deref();
    match key.map(|key| key.matches('(').count()) {
        None => "none",
        Some(1) => "columns",
        Some(_) => "expressions",
    }
}
