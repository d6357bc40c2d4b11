//! ADD FOREIGN KEY: NOT VALID under a short lock on both tables, then VALIDATE.

mod partitioned;

use partitioned::NewForeignKey;

use crate::{
    catalog::{ConstraintKind, TableKind},
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::statement::{AlterActionKind, TableConstraint, TableConstraintKind},
    plan::{
        Step, StepKind, Undo,
        draft::{Draft, Element, Refusal, Touch, lock, merge_lock, step},
        partitions, pieces,
        recipe::{Context, Recipe},
        recipes::add_check::tighten_phase,
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-foreign-key",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (table, AlterActionKind::AddConstraint(constraint)) = cx.alter()? else {
        return None;
    };
    matches!(constraint.kind, TableConstraintKind::ForeignKey { .. })
        .then(|| draft_for(cx, &table, constraint))
}

/// The steps for a foreign key, also one that stood inline in ADD COLUMN.
pub fn draft_for(
    cx: &Context<'_>,
    table: &ObjectName,
    constraint: &TableConstraint,
) -> Result<Draft, Refusal> {
    let is_partitioned = partitions::table_or_tree(cx, table)?.kind == TableKind::Partitioned;
    let TableConstraintKind::ForeignKey {
        columns,
        references,
        period,
    } = &constraint.kind
    else {
        return Err(Refusal::new(
            "not-yet",
            "not a foreign key",
            "report this as a mistake in zdm",
        ));
    };
    let added = cx
        .added_constraint(table, constraint.name.as_ref(), |kind| {
            matches!(kind, ConstraintKind::ForeignKey { .. })
        })
        .ok_or_else(|| unknown_name(table))?;
    let ConstraintKind::ForeignKey {
        references: peer,
        referenced_columns,
        ..
    } = &added.kind
    else {
        return Err(unknown_name(table));
    };
    let name = &added.name;
    let definition = definition(columns, peer, referenced_columns, constraint);
    let mut draft = Draft::default();
    let phase = tighten_phase(cx, table, columns);
    let enforced = constraint.attributes.enforced != Some(false);
    if enforced && !references.match_full && !period && !referenced_columns.is_empty() {
        let from = format!("{}{table}", partitions::only(cx, table));
        let (count, sample) = orphans(&from, columns, peer, referenced_columns);
        let what = format!("the foreign key {name} to {}", peer.short());
        draft.push(
            phase,
            pieces::count_violators(cx, table, &what, count, Some(sample)),
        );
    }
    if is_partitioned {
        let key = NewForeignKey {
            table,
            peer,
            name,
            definition: &definition,
            kind: &added.kind,
            enforced,
            not_valid: constraint.attributes.not_valid,
        };
        partitioned::steps(cx, &mut draft, &key)?;
    } else {
        let add = add(table, peer, name, &definition, enforced);
        draft.push(phase, partitions::on_tree(cx, add, peer));
        if enforced && !constraint.attributes.not_valid {
            draft.push(phase, validate(cx, table, peer, name));
        }
    }
    draft.conditions.push((
        phase,
        format!("writes that violate {name} are refused from `add {name}` on"),
    ));
    draft
        .touches
        .extend(partitions::reads_partitions(cx, table));
    for column in columns {
        draft
            .touches
            .push(Touch::read(Element::Column(table.clone(), column.clone())));
    }
    for column in referenced_columns {
        draft
            .touches
            .push(Touch::read(Element::Column(peer.clone(), column.clone())));
    }
    draft.touches.push(Touch::write(
        Element::Name(table.sibling(name.clone())),
        phase,
    ));
    Ok(draft)
}

fn unknown_name(table: &ObjectName) -> Refusal {
    Refusal::new(
        "unknown-table",
        format!(
            "the new foreign key of {} could not be resolved",
            table.short()
        ),
        "name the referenced table and columns in full, or plan against a database",
    )
}

/// The constraint with everything spelled out, so that it means the same whenever it runs.
pub fn definition(
    columns: &[Ident],
    peer: &ObjectName,
    referenced: &[Ident],
    constraint: &TableConstraint,
) -> String {
    let TableConstraintKind::ForeignKey {
        references, period, ..
    } = &constraint.kind
    else {
        return String::new();
    };
    let period = *period;
    let list = |columns: &[Ident]| {
        let last = columns.len().saturating_sub(1);
        let names: Vec<String> = columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                if period && at == last {
                    format!("PERIOD {column}")
                } else {
                    column.quoted()
                }
            })
            .collect();
        names.join(", ")
    };
    let mut sql = format!("FOREIGN KEY ({}) REFERENCES {peer}", list(columns));
    if !referenced.is_empty() {
        sql.push_str(&format!(" ({})", list(referenced)));
    }
    if references.match_full {
        sql.push_str(" MATCH FULL");
    }
    for (word, action) in [
        ("UPDATE", &references.on_update),
        ("DELETE", &references.on_delete),
    ] {
        if let Some(action) = action {
            sql.push_str(&format!(" ON {word} {}", action.to_uppercase_keywords()));
        }
    }
    match constraint.attributes.deferrable {
        Some(true) => sql.push_str(" DEFERRABLE"),
        Some(false) => sql.push_str(" NOT DEFERRABLE"),
        None => {}
    }
    if constraint.attributes.initially_deferred == Some(true) {
        sql.push_str(" INITIALLY DEFERRED");
    }
    if constraint.attributes.enforced == Some(false) {
        sql.push_str(" NOT ENFORCED");
    }
    sql
}

/// Upper-cases the key words of a referential action and leaves a column list alone.
trait KeywordCase {
    fn to_uppercase_keywords(&self) -> String;
}

impl KeywordCase for String {
    fn to_uppercase_keywords(&self) -> String {
        match self.split_once('(') {
            Some((words, columns)) => format!("{}({columns}", words.to_uppercase()),
            None => self.to_uppercase(),
        }
    }
}

/// Queries for rows without a partner. A row with a NULL in the key has none to find. `rows` is the
/// table as FROM names it.
pub fn orphans(
    rows: &str,
    columns: &[Ident],
    peer: &ObjectName,
    referenced: &[Ident],
) -> (String, String) {
    let present: Vec<String> = columns
        .iter()
        .map(|column| format!("child.{column} IS NOT NULL"))
        .collect();
    let equal: Vec<String> = columns
        .iter()
        .zip(referenced)
        .map(|(column, key)| format!("parent.{key} = child.{column}"))
        .collect();
    let from = format!(
        "FROM {rows} child WHERE {} AND NOT EXISTS (SELECT FROM {peer} parent WHERE {})",
        present.join(" AND "),
        equal.join(" AND ")
    );
    let shown: Vec<String> = columns
        .iter()
        .map(|column| format!("child.{column}"))
        .collect();
    (
        format!("SELECT pg_catalog.count(*) {from}"),
        format!(
            "SELECT ROW({})::pg_catalog.text {from} LIMIT 5",
            shown.join(", ")
        ),
    )
}

/// Adds the key NOT VALID: SHARE ROW EXCLUSIVE on both tables.
pub fn add(
    table: &ObjectName,
    peer: &ObjectName,
    name: &Ident,
    definition: &str,
    enforced: bool,
) -> Step {
    let not_valid = if enforced { " NOT VALID" } else { "" };
    let mut undo_locks = lock(table, LockMode::AccessExclusive);
    merge_lock(&mut undo_locks, peer, LockMode::AccessExclusive);
    step(
        StepKind::Ddl,
        format!(
            "add {name} to {}, not yet checked for existing rows",
            table.short()
        ),
        "checks new rows from here on; its lock on both tables is held for a moment only",
    )
    .sql([format!(
        "ALTER TABLE {table} ADD CONSTRAINT {name} {definition}{not_valid}"
    )])
    .lock(table, LockMode::ShareRowExclusive)
    .lock(peer, LockMode::ShareRowExclusive)
    .state(state::constraint_present(table, name))
    .undone_by(Undo::ddl(
        [format!(
            "ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"
        )],
        undo_locks,
    ))
}

/// Validates the key: reads both tables under locks that stop no client.
pub fn validate(cx: &Context<'_>, table: &ObjectName, peer: &ObjectName, name: &Ident) -> Step {
    pieces::validate(cx, table, name)
        .lock(peer, LockMode::RowShare)
        .scan(peer, LockMode::RowShare, "to find each row's partner")
}
