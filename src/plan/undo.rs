//! What takes a statement back that ran as it is, and how it is seen to have run.
//!
//! What has no entry here stays after a rollback: it is additive, and the rollback names it.

use crate::{
    catalog::{Column, PgVersion},
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::{
        StatementKind,
        statement::{AlterActionKind, ColumnAction},
    },
    plan::{Step, StepKind, Undo, UndoKind, Verify, draft::lock, pieces, recipe::Context, state},
};

/// The state query, for the kinds whose trace in the catalog is plain.
pub fn with_state(cx: &Context<'_>, step: Step) -> Step {
    match &cx.op.statement.kind {
        StatementKind::CreateTable(create) if !create.if_not_exists => {
            let name = created_name(cx, &create.name);
            step.state(state::relation_present(&name))
        }
        StatementKind::AlterRelation(_) => match cx.alter() {
            Some((table, AlterActionKind::ValidateConstraint { name })) => {
                let mut step = step.state(state::constraint_valid(&table, name));
                step.kind = StepKind::LongDdl;
                step
            }
            Some((table, AlterActionKind::AlterColumn { name, action })) => match action {
                ColumnAction::DropNotNull => step.state(state::column_nullable(&table, name)),
                _ => step,
            },
            _ => step,
        },
        _ => step,
    }
}

/// The full name of a relation that a statement makes.
pub fn created_name(cx: &Context<'_>, name: &crate::ident::QualifiedName) -> ObjectName {
    name.schema.as_ref().map_or_else(
        || cx.before.in_creation_schema(&name.name),
        |schema| ObjectName::new(schema.clone(), name.name.clone()),
    )
}

/// Adds what takes it back.
pub fn with_undo(cx: &Context<'_>, mut step: Step) -> Step {
    match &cx.op.statement.kind {
        StatementKind::CreateTable(create) if !create.if_not_exists => {
            let name = created_name(cx, &create.name);
            let rows = Verify {
                table: name.clone(),
                count: format!("SELECT pg_catalog.count(*) FROM {name}"),
                sample: None,
                message: format!("{{count}} rows of the new table {} would go", name.short()),
                help: "copy them away, or consent with --yes".to_owned(),
            };
            let mut locks = lock(&name, LockMode::AccessExclusive);
            locks.extend(step.locks.iter().cloned().map(|mut held| {
                held.mode = LockMode::AccessExclusive;
                held
            }));
            locks.sort();
            step.undone_by(Undo::ddl([format!("DROP TABLE IF EXISTS {name}")], locks).losing(rows))
        }
        StatementKind::AlterRelation(_) => match cx.alter() {
            Some((table, AlterActionKind::AlterColumn { name, action })) => {
                let Some(column) = cx
                    .before
                    .tables
                    .get(&table)
                    .and_then(|table| table.column(name))
                else {
                    step.reversible = false;
                    return step;
                };
                match action {
                    ColumnAction::SetDefault(_) | ColumnAction::DropDefault => {
                        step.undone_by(Undo::ddl(
                            [restore_default(&table, column)],
                            lock(&table, LockMode::AccessExclusive),
                        ))
                    }
                    ColumnAction::DropNotNull if column.not_null => {
                        step.undo.extend(restore_not_null(cx, &table, column));
                        step
                    }
                    _ => {
                        step.reversible = false;
                        step
                    }
                }
            }
            _ => {
                step.reversible = false;
                step
            }
        },
        _ => {
            step.reversible = false;
            step
        }
    }
}

fn restore_default(table: &ObjectName, column: &Column) -> String {
    match &column.default {
        Some(default) => {
            format!(
                "ALTER TABLE {table} ALTER COLUMN {} SET DEFAULT {default}",
                column.name
            )
        }
        None => format!(
            "ALTER TABLE {table} ALTER COLUMN {} DROP DEFAULT",
            column.name
        ),
    }
}

/// Brings a NOT NULL back that expand relaxed: without a scan under a strong lock, and refusing
/// while a NULL is there (pitfall 45).
pub fn restore_not_null(cx: &Context<'_>, table: &ObjectName, column: &Column) -> Vec<Undo> {
    let name = &column.name;
    let strong = lock(table, LockMode::AccessExclusive);
    let nulls = Verify {
        table: table.clone(),
        count: format!("SELECT pg_catalog.count(*) FROM ONLY {table} WHERE {name} IS NULL"),
        sample: Some(format!(
            "SELECT ctid::pg_catalog.text FROM ONLY {table} WHERE {name} IS NULL LIMIT 5"
        )),
        message: format!(
            "{{count}} rows of {} have no {name} any more",
            table.short()
        ),
        help: format!(
            "give them one (UPDATE {table} SET {name} = … WHERE {name} IS NULL), then \
                       roll back again"
        ),
    };
    let long = |constraint: &Ident| Undo {
        how: UndoKind::LongDdl,
        sql: vec![format!(
            "ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"
        )],
        locks: lock(table, LockMode::ShareUpdateExclusive),
        loses: None,
    };
    if cx.before.version >= PgVersion::V18 {
        let constraint = column.not_null_constraint.as_ref().map_or_else(
            || pieces::not_null_name(cx, table, name),
            |(name, _)| name.clone(),
        );
        return vec![
            Undo::tighten(
                [
                    // An interrupted rollback may have been here before.
                    format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}"),
                    format!(
                        "ALTER TABLE {table} ADD CONSTRAINT {constraint} NOT NULL {name} NOT VALID"
                    ),
                ],
                strong,
                nulls,
            ),
            long(&constraint),
        ];
    }
    let key = cx.key(table, name);
    let check = cx.own_name(&key, &Ident::exact(format!("{}_back", name.as_str())));
    vec![
        Undo::tighten(
            [
                format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check}"),
                format!(
                    "ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID"
                ),
            ],
            strong.clone(),
            nulls,
        ),
        long(&check),
        Undo::ddl(
            [
                format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL"),
                format!("ALTER TABLE {table} DROP CONSTRAINT {check}"),
            ],
            strong,
        ),
    ]
}
