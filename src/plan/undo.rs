//! What takes a statement back that ran as it is, and how it is seen to have run.
//!
//! What has no entry here stays after a rollback: it is additive, and the rollback names it.

use crate::{
    catalog::{Column, PgVersion, UserTypeKind, types},
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::{
        StatementKind,
        statement::{AlterActionKind, AlterDomain, ColumnAction, DomainAction, Utility},
    },
    plan::{
        Step, StepKind, Undo, UndoKind, Verify,
        draft::{lock, merge_lock},
        pieces,
        recipe::Context,
        state,
    },
};

/// The state query, for the kinds whose trace in the catalog is plain.
pub fn with_state(cx: &Context<'_>, step: Step) -> Step {
    if let StatementKind::CreateTable(create) = &cx.op.statement.kind
        && !create.if_not_exists
    {
        let name = created_name(cx, &create.name);
        return step.state(state::relation_present(&name));
    }
    match cx.alter() {
        Some((table, AlterActionKind::ValidateConstraint { name })) => {
            let mut step = step.state(state::constraint_valid(&table, name));
            step.kind = StepKind::LongDdl;
            step
        }
        Some((
            table,
            AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::DropNotNull,
            },
            // Where it is nullable already there is nothing to see.
        )) if cx
            .before
            .tables
            .get(&table)
            .and_then(|known| known.column(name))
            .is_none_or(|column| column.not_null) =>
        {
            step.state(state::column_nullable(&table, name))
        }
        _ => step,
    }
}

/// The full name of a relation that a statement makes.
pub fn created_name(cx: &Context<'_>, name: &crate::ident::QualifiedName) -> ObjectName {
    cx.before.in_full(name)
}

/// Adds what takes it back.
pub fn with_undo(cx: &Context<'_>, mut step: Step) -> Step {
    let undo = match &cx.op.statement.kind {
        StatementKind::CreateTable(create) if !create.if_not_exists => {
            Some(vec![drop_table(&created_name(cx, &create.name), &step)])
        }
        StatementKind::AlterRelation(_) => undo_alter(cx),
        StatementKind::Opaque(opaque) => match opaque.utility.as_deref() {
            Some(Utility::AlterDomain(alter)) => domain_default(cx, alter).map(|undo| vec![undo]),
            // A new name is nothing new.
            Some(Utility::AlterType(_)) => None,
            _ => drops_of_new(cx).map(|undo| vec![undo]),
        },
        _ => None,
    };
    match undo {
        Some(undo) => step.undo.extend(undo),
        None => step.reversible = false,
    }
    step
}

/// Drops a table that the step made; its rows would go.
fn drop_table(name: &ObjectName, step: &Step) -> Undo {
    let rows = Verify {
        table: name.clone(),
        count: format!("SELECT pg_catalog.count(*) FROM {name}"),
        sample: None,
        message: format!("{{count}} rows of the new table {} would go", name.short()),
        help: "copy them away, or consent with --yes".to_owned(),
    };
    let mut locks = lock(name, LockMode::AccessExclusive);
    for held in &step.locks {
        merge_lock(&mut locks, &held.relation, LockMode::AccessExclusive);
    }
    Undo::ddl([format!("DROP TABLE IF EXISTS {name}")], locks).losing(rows)
}

/// A part of an index cannot be taken out of it: the whole index goes, if this migration made it.
fn undo_attached_index(cx: &Context<'_>) -> Option<Undo> {
    let StatementKind::AlterRelation(alter) = &cx.op.statement.kind else {
        return None;
    };
    let Some(AlterActionKind::AttachPartition { bound: None, .. }) =
        cx.op.action.map(|action| &action.kind)
    else {
        return None;
    };
    let index = cx.resolve(&alter.name);
    if cx.input.catalog.has_relation(&index) {
        return None;
    }
    let mut locks = lock(&index, LockMode::AccessExclusive);
    let table = cx.before.index(&index).map(|(table, _)| &table.name)?;
    for member in cx.before.family(table) {
        merge_lock(&mut locks, &member.name, LockMode::AccessExclusive);
    }
    Some(Undo::ddl([format!("DROP INDEX IF EXISTS {index}")], locks))
}

/// An index gets its old name back.
fn undo_renamed_index(cx: &Context<'_>) -> Option<Undo> {
    let StatementKind::AlterRelation(alter) = &cx.op.statement.kind else {
        return None;
    };
    let AlterActionKind::RenameTo(to) = &cx.op.action?.kind else {
        return None;
    };
    let index = cx.resolve(&alter.name);
    cx.before.index(&index)?;
    let sql = format!(
        "ALTER INDEX IF EXISTS {} RENAME TO {}",
        index.sibling(to.clone()),
        index.name
    );
    Some(Undo::ddl([sql], Vec::new()))
}

/// What takes back a change of a column, where that is known.
fn undo_alter(cx: &Context<'_>) -> Option<Vec<Undo>> {
    if let Some(undo) = undo_attached_index(cx).or_else(|| undo_renamed_index(cx)) {
        return Some(vec![undo]);
    }
    let (table, AlterActionKind::AlterColumn { name, action }) = cx.alter()? else {
        return None;
    };
    let column = cx.before.tables.get(&table)?.column(name)?;
    match action {
        ColumnAction::SetDefault(_) | ColumnAction::DropDefault => Some(vec![Undo::ddl(
            [restore_default(&table, column)],
            lock(&table, LockMode::AccessExclusive),
        )]),
        ColumnAction::DropNotNull if column.not_null => Some(restore_not_null(cx, &table, column)),
        _ => None,
    }
}

/// What drops the objects that an operation makes: views, sequences, functions, types, triggers.
fn drops_of_new(cx: &Context<'_>) -> Option<Undo> {
    let (before, after) = (cx.before, cx.after);
    let mut drops = Vec::new();
    let mut locks = Vec::new();
    for (name, view) in &after.views {
        if !before.views.contains_key(name) {
            let kind = if view.materialized {
                "MATERIALIZED VIEW"
            } else {
                "VIEW"
            };
            drops.push(format!("DROP {kind} IF EXISTS {name}"));
        }
    }
    for (name, table) in &after.tables {
        let known = before.tables.get(name);
        for trigger in &table.triggers {
            let old =
                known.is_none_or(|known| known.triggers.iter().any(|t| t.name == trigger.name));
            if !old {
                drops.push(format!("DROP TRIGGER IF EXISTS {} ON {name}", trigger.name));
                locks = lock(name, LockMode::AccessExclusive);
            }
        }
    }
    let new = |name: &&ObjectName| !before.functions.contains_key(*name);
    drops.extend(
        after
            .functions
            .keys()
            .filter(new)
            .map(|name| format!("DROP ROUTINE IF EXISTS {name}")),
    );
    let new = |name: &&ObjectName| !before.sequences.contains_key(*name);
    drops.extend(
        after
            .sequences
            .keys()
            .filter(new)
            .map(|name| format!("DROP SEQUENCE IF EXISTS {name}")),
    );
    let new = |name: &&ObjectName| !before.types.contains_key(*name);
    drops.extend(
        after
            .types
            .keys()
            .filter(new)
            .map(|name| format!("DROP TYPE IF EXISTS {name}")),
    );
    (!drops.is_empty()).then(|| Undo::ddl(drops, locks))
}

/// Brings the default of a domain back.
fn domain_default(cx: &Context<'_>, alter: &AlterDomain) -> Option<Undo> {
    let changes = matches!(
        alter.action,
        DomainAction::SetDefault(_) | DomainAction::DropDefault
    );
    let name = types::user_type_name(&alter.name, cx.before);
    let UserTypeKind::Domain { default, .. } = &cx.before.types.get(&name)?.kind else {
        return None;
    };
    let sql = match default {
        Some(default) => format!("ALTER DOMAIN {name} SET DEFAULT {default}"),
        None => format!("ALTER DOMAIN {name} DROP DEFAULT"),
    };
    changes.then(|| Undo::ddl([sql], Vec::new()))
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
        sample: Some(pieces::example_keys(
            cx,
            table,
            &format!("FROM ONLY {table} WHERE {name} IS NULL"),
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
