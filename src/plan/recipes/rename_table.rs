//! RENAME of a table: an updatable view under the new name while both applications run, and one
//! short transaction at the end that drops it and renames the table.
//!
//! Nothing is copied, so there is nothing to fill and no snapshot to wait for: a row is the same
//! row by either name. The view can do less than the table (pitfall 74), and the plan says what.

use crate::{
    catalog::{PgVersion, Table, TableKind, View, ViewColumn},
    effects::{LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        statement::{AlterActionKind, RelationKind},
    },
    plan::{
        StepKind, Undo,
        draft::{Draft, Element, Refusal, Touch, lock, step},
        recipe::{Context, Recipe},
        state, views,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "rename-table",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::AlterRelation(alter) = &cx.op.statement.kind else {
        return None;
    };
    let AlterActionKind::RenameTo(to) = &cx.op.action?.kind else {
        return None;
    };
    let name = cx.resolve(&alter.name);
    let table = cx.before.tables.get(&name)?;
    let by_table = matches!(alter.kind, RelationKind::Table | RelationKind::ForeignTable);
    if !by_table || table.kind == TableKind::MaterializedView || cx.phase_directive().is_some() {
        return None;
    }
    Some(draft_for(cx, table, to))
}

fn draft_for(cx: &Context<'_>, table: &Table, to: &Ident) -> Result<Draft, Refusal> {
    let name = &table.name;
    let new = name.sibling(to.clone());
    check(cx, table, &new)?;
    let effects = effects(&cx.op.alone, cx.before);
    let mut draft = Draft::default();
    let view = view(cx, table, &new);
    let mut sql = vec![views::definition(&view, false)];
    if let Some(owner) = &view.owner {
        sql.push(format!("ALTER VIEW {new} OWNER TO {owner}"));
    }
    sql.extend(views::grants(cx.before, &view));
    let made = step(
        StepKind::Ddl,
        format!("make {} known as {} too", name.short(), new.short()),
        "both applications find the table under the name they know; they read and write the same \
         rows",
    )
    .sql(sql)
    .lock(name, LockMode::AccessShare)
    .state(state::relation_present(&new))
    .undone_by(Undo::ddl(
        [format!("DROP VIEW IF EXISTS {new}")],
        lock(&new, LockMode::AccessExclusive),
    ));
    draft.push(PhaseName::Expand, made).new_needs_it = true;
    let mut renamed = step(
        StepKind::Ddl,
        format!("rename {} to {}", name.short(), new.short()),
        "the view goes in the same transaction: the new name is there at every moment",
    )
    .sql([format!("DROP VIEW {new}"), cx.op.sql.clone()])
    .state(state::relation_absent(name))
    .irreversible();
    for held in &effects.locks {
        renamed = renamed.lock(&held.relation, held.mode);
    }
    renamed = renamed.lock(&new, LockMode::AccessExclusive);
    draft.push(PhaseName::Contract, renamed);
    draft.breaks_old = true;
    draft.touches = [name.clone(), new.clone()]
        .map(|name| Touch::write(Element::Relation(name), PhaseName::Contract))
        .into();
    draft.conditions.push((PhaseName::Migrate, limits(&new)));
    Ok(draft)
}

fn check(cx: &Context<'_>, table: &Table, new: &ObjectName) -> Result<(), Refusal> {
    let name = table.name.short();
    if cx.before.has_relation(new) {
        return Err(Refusal::new(
            "fails",
            format!("{} is there already: the server refuses this", new.short()),
            "choose another name",
        ));
    }
    if cx.before.version < PgVersion::V15 && table.row_security {
        return Err(Refusal::new(
            "row-security",
            format!(
                "{name} has row level security, and a view of PostgreSQL 14 reads with its \
                 owner's rights: clients would see rows that are not for them"
            ),
            "say `-- zdm: phase contract`: the table is then renamed there at once, and the new \
             application can work only after it",
        ));
    }
    if let Some((known, column)) = cx.synced.iter().find(|(known, _)| *known == table.name) {
        return Err(Refusal::new(
            "chained-rename",
            format!(
                "an earlier statement of this file keeps {}.{column} in step with another column \
                 until contract",
                known.short()
            ),
            "rename the table in a migration of its own",
        ));
    }
    Ok(())
}

/// The view under the new name: all columns, the same rights.
fn view(cx: &Context<'_>, table: &Table, new: &ObjectName) -> View {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| column.name.quoted())
        .collect();
    let query = format!("SELECT {} FROM {}", columns.join(", "), table.name);
    let mut view = View::new(new.clone(), query);
    if cx.before.version >= PgVersion::V15 {
        view.options.push("security_invoker = true".to_owned());
    }
    view.owner.clone_from(&table.owner);
    view.acl.clone_from(&table.acl);
    if table.columns.iter().any(|column| column.acl.is_some()) {
        view.columns = table
            .columns
            .iter()
            .map(|column| ViewColumn {
                acl: column.acl.clone(),
                ..ViewColumn::new(column.name.clone())
            })
            .collect();
    }
    view
}

fn limits(new: &ObjectName) -> String {
    format!(
        "until contract {} is a view: COPY into it, TRUNCATE, TABLESAMPLE, LOCK TABLE, ctid, \
         ON CONFLICT ON CONSTRAINT, GROUP BY on the key alone, new foreign keys and \
         pg_get_serial_sequence do not work by that name; a new application that needs them must \
         use {} only after contract",
        new.short(),
        new.short()
    )
}
